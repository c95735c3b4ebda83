"""Tables larger than memory: read in batches, reduced to sums, never held whole."""
