/**
 * Log likelihood of each row's zero-inflated negative binomial count, log link, with its own
 * shape and inflation.
 *
 * As zero_inflated_negbinomial_log_lik, but for shape and zi. Constants are left out.
 *
 * @param y counts
 * @param zeros rows with a count of 0
 * @param eta linear predictor of each row, log of the negative binomial's mean
 * @param shape inverse overdispersion of each row, positive
 * @param zi probability of a 0 beside the negative binomial's, of each row
 * @return vector of the log likelihood of each row
 */
vector varying_zero_inflated_negbinomial_log_lik(vector y, array[] int zeros, vector eta,
                                                 vector shape, vector zi) {
  vector[rows(eta)] log_lik = varying_negbinomial_log_lik(y, eta, shape);
  log_lik[zeros] += log1p_exp(logit(zi[zeros]) - log_lik[zeros]);
  return log_lik + log1m(zi);
}
