"""A fit as a report: the model in mathematics, the numbers, and what they rest upon."""
