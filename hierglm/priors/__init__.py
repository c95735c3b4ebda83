"""Prior distributions, and which parameter gets which."""
