"""One fit each, by hierglm and by its peers."""
