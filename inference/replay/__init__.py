"""Finding the same recording again: in one call, in a bank of earlier calls, in a folder of calls.

Spectral peaks are hashed in pairs (Wang, ISMIR 2003) to find where a stretch may have been heard
before; the spectral shape of both places is then compared. All of it is numpy on 8 kHz audio.
"""
