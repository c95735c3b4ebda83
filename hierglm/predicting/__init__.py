"""Predictions of rows from the draws of a fit, with a stated target."""
