"""Where the variance is: shares of groups, of predictors, and of what is left."""
