"""Posterior draws, their names and their diagnostics."""
