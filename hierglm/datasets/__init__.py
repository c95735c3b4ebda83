"""Real data sets that come with hierglm."""
