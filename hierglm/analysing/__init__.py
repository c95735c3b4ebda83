"""Whole analyses from one file: what ``hierglm run analysis.toml`` does."""
