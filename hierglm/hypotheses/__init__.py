"""Hypotheses about parameters: their text, their posterior and their evidence."""
