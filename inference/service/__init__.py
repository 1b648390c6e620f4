"""``ringtrue serve``: many live calls and uploaded recordings behind HTTP, WebSocket and TCP.

The network part needs the extra ``serve``; it lives in ``app``, ``server`` and the modules they
load. What the others hold (settings, the batching engine, the parsers of the framings) runs on a
plain installation.
"""
