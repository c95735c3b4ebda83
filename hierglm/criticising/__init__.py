"""Criticism of a model: draws from its priors, predictive checks, sensitivity to its parts."""
