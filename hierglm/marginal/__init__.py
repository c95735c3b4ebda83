"""Effects of predictors on a target: means of cells, slopes, comparisons of values."""
