"""Data simulated from a model: calibration of its posterior, recovery of parameters, power."""
