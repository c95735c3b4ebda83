"""Stan programs, assembled from fragments."""
