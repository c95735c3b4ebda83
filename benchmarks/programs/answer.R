# What the R programs share: the order, the table, and the answer.

order <- jsonlite::fromJSON(commandArgs(TRUE)[1])

read_table <- function() {
  data <- read.csv(order$file, stringsAsFactors = TRUE)
  for (name in order$factors) data[[name]] <- factor(data[[name]])
  data
}

now <- function() proc.time()[["elapsed"]]

# Draws: array of iterations, chains and quantities; NULL if there are none.
answer <- function(seconds, draws = NULL, divergent = NULL) {
  of <- function(measure, which) {
    if (is.null(draws)) NULL else which(apply(draws, 3, measure), na.rm = TRUE)
  }
  found <- list(
    frame = seconds,
    ess = of(posterior::ess_bulk, min),
    rhat = of(posterior::rhat, max),
    divergent = divergent
  )
  none <- vapply(found, is.null, TRUE)
  found[none] <- NA
  cat("\n", jsonlite::toJSON(found, auto_unbox = TRUE, na = "null", digits = 8), "\n", sep = "")
}

divergences <- function(stanfit) {
  chains <- rstan::get_sampler_params(stanfit, inc_warmup = FALSE)
  sum(vapply(chains, function(chain) sum(chain[, "divergent__"]), 0))
}
