/**
 * Log likelihood of each row's zero-inflated negative binomial count, log link.
 *
 * A count is 0 with probability zi, else negative binomial; a 0 may come from either:
 * log(zi + (1 - zi) p_0) = log(1 - zi) + log p_0 + log(1 + exp(logit(zi) - log p_0)).
 * Constants are left out.
 *
 * @param y counts
 * @param zeros rows with a count of 0
 * @param eta linear predictor of each row, log of the negative binomial's mean
 * @param shape inverse overdispersion, positive
 * @param zi probability of a 0 beside the negative binomial's
 * @return vector of the log likelihood of each row
 */
vector zero_inflated_negbinomial_log_lik(vector y, array[] int zeros, vector eta,
                                         real shape, real zi) {
  vector[rows(eta)] log_lik = negbinomial_log_lik(y, eta, shape);
  log_lik[zeros] += log1p_exp(logit(zi) - log_lik[zeros]);
  return log_lik + log1m(zi);
}
