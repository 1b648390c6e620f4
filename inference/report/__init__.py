"""Reports that a person reads in a minute: one folder of static HTML from scored recordings."""
