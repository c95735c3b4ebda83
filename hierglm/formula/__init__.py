"""Formulas: text to a syntax tree."""
