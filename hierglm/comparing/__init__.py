"""How well fits predict what they have not seen: leave-one-out, folds, comparison, influence."""
