"""Simulated two-channel telephone calls with ground truth, from the clips of a manifest."""
