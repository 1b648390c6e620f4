"""How the network is used: audio reading, the ONNX session, the call monitor, bulk scoring.

Runs on numpy, onnxruntime and audio libraries only; never imports torch or ``ringtrue.training``.
"""
