# Fits one model with lme4; see peers.py for the argument and the answer.
order <- jsonlite::fromJSON(commandArgs(TRUE)[1])
source(file.path(order$scripts, "answer.R"))
suppressPackageStartupMessages(library(lme4))

data <- read_table()
start <- now()
formula <- as.formula(order$formula)
fit <- switch(order$family,
  gaussian = lmer(formula, data),
  poisson = glmer(formula, data, family = poisson),
  glmer(formula, data, family = binomial)
)
print(summary(fit))
answer(now() - start)
