/**
 * Log likelihood of each row's negative binomial count, log link, with a shape of its own.
 *
 * The variance is mu + mu^2 / shape for a mean mu = exp(eta). Constants are left out.
 *
 * @param y counts
 * @param eta linear predictor of each row
 * @param shape inverse overdispersion of each row, positive
 * @return vector of the log likelihood of each row
 */
vector varying_negbinomial_log_lik(vector y, vector eta, vector shape) {
  vector[rows(eta)] log_odds = eta - log(shape);
  return lgamma(y + shape) - lgamma(shape) + y .* log_odds - (y + shape) .* log1p_exp(log_odds);
}
