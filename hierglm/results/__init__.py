"""Tables and text made from a fit."""
