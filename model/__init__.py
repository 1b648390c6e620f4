"""What the network is: contract, features, causal network, export and the released ONNX files.

Importing this package imports no torch; only the modules that define or export the network do.
"""
