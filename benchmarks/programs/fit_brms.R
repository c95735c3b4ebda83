# Fits one model with brms; see peers.py for the argument and the answer.
order <- jsonlite::fromJSON(commandArgs(TRUE)[1])
source(file.path(order$scripts, "answer.R"))
suppressPackageStartupMessages(library(brms))

data <- read_table()
start <- now()
fit <- brm(
  as.formula(order$formula), data,
  family = order$family, chains = 4, warmup = 1000, iter = 2000,
  cores = 2, seed = order$seed, refresh = 0
)
print(fit)
seconds <- now() - start

draws <- posterior::as_draws_array(fit)
names <- grep("^(b|sd|cor)_|^sigma$", posterior::variables(draws), value = TRUE)
kept <- unclass(posterior::subset_draws(draws, variable = names))
answer(seconds, kept, divergences(fit$fit))
