"""hierglm: formulas to the fastest exact Stan program for hierarchical GLMs."""
