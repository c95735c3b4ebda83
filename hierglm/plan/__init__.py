"""How each part of a model is written, and why."""
