/**
 * Log likelihood of each row's hurdle negative binomial count, log link.
 *
 * A count is 0 with probability hu, else a negative binomial count that is not 0.
 * Constants are left out.
 *
 * @param y counts
 * @param zeros, counts rows with a count of 0, and the others
 * @param eta linear predictor of each row, log of the negative binomial's mean
 * @param shape inverse overdispersion, positive
 * @param hu probability of a 0
 * @return vector of the log likelihood of each row
 */
vector hurdle_negbinomial_log_lik(vector y, array[] int zeros, array[] int counts, vector eta,
                                  real shape, real hu) {
  vector[size(counts)] log_zero = -shape * log1p_exp(eta[counts] - log(shape));
  vector[rows(eta)] log_lik;
  log_lik[zeros] = rep_vector(log(hu), size(zeros));
  log_lik[counts] = log1m(hu) + negbinomial_log_lik(y[counts], eta[counts], shape)
                    - log1m_exp(log_zero);
  return log_lik;
}
