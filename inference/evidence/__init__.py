"""Evidence streams: each turns what was heard so far into a calibrated log-likelihood ratio."""
