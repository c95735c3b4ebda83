"""Measurements of hierglm against its peers."""
