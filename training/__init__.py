"""How the network learns: manifests, the telephone channel, training, calibration, evaluation."""
