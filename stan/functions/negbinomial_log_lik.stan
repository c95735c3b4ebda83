/**
 * Log likelihood of each row's negative binomial count, log link.
 *
 * The variance is mu + mu^2 / shape for a mean mu = exp(eta). The ratio of gamma functions is
 * written by lbeta, which keeps its digits where shape is so large that counts are Poisson's.
 * Constants are left out.
 *
 * @param y counts
 * @param eta linear predictor of each row
 * @param shape inverse overdispersion, positive
 * @return vector of the log likelihood of each row
 */
vector negbinomial_log_lik(vector y, vector eta, real shape) {
  vector[rows(eta)] odds = log1p_exp(eta - log(shape));
  vector[rows(eta)] ratio = -lbeta(y + 1, shape) - log(y + shape);
  return ratio + y .* (eta - log(shape)) - (y + shape) .* odds;
}
