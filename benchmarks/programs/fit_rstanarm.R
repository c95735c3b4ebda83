# Fits one model with rstanarm; see peers.py for the argument and the answer.
order <- jsonlite::fromJSON(commandArgs(TRUE)[1])
source(file.path(order$scripts, "answer.R"))
suppressPackageStartupMessages(library(rstanarm))

data <- read_table()
start <- now()
formula <- as.formula(order$formula)
settings <- list(
  formula = formula, data = data, chains = 4, warmup = 1000, iter = 2000, cores = 2,
  seed = order$seed, refresh = 0
)
fit <- switch(order$family,
  gaussian = do.call(stan_lmer, settings),
  poisson = do.call(stan_glmer, c(settings, list(family = poisson()))),
  do.call(stan_glmer, c(settings, list(family = binomial())))
)
print(fit)
seconds <- now() - start

# rstanarm keeps covariances: Sigma[group:term,term]. Correlations are computed from them.
draws <- as.array(fit)
names <- dimnames(draws)[[3]]
kept <- draws[, , !grepl("^(b|Sigma)\\[", names), drop = FALSE]
covariances <- names[grepl("^Sigma\\[", names)]
for (name in covariances) {
  part <- regmatches(name, regexec("^Sigma\\[(.*):([^,:]*),([^,]*)\\]$", name))[[1]]
  of <- function(a, b) draws[, , sprintf("Sigma[%s:%s,%s]", part[2], a, b)]
  value <- of(part[3], part[4])
  if (part[3] != part[4]) {
    value <- value / sqrt(of(part[3], part[3]) * of(part[4], part[4]))
  }
  shape <- c(dim(kept)[1:2], dim(kept)[3] + 1)
  kept <- array(c(kept, value), shape)
}
answer(seconds, kept, divergences(fit$stanfit))
