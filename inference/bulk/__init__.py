"""Scoring recordings in bulk: worker processes, many calls per ONNX batch, resumable results."""
