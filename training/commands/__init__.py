"""Commands of ``ringtrue`` for training and evaluation; heavy imports wait until they run."""
