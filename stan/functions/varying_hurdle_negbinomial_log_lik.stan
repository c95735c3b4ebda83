/**
 * Log likelihood of each row's hurdle negative binomial count, log link, with its own shape
 * and hurdle.
 *
 * As hurdle_negbinomial_log_lik, but for shape and hu. Constants are left out.
 *
 * @param y counts
 * @param zeros, counts rows with a count of 0, and the others
 * @param eta linear predictor of each row, log of the negative binomial's mean
 * @param shape inverse overdispersion of each row, positive
 * @param hu probability of a 0, of each row
 * @return vector of the log likelihood of each row
 */
vector varying_hurdle_negbinomial_log_lik(vector y, array[] int zeros, array[] int counts,
                                          vector eta, vector shape, vector hu) {
  vector[size(counts)] own = shape[counts];
  vector[size(counts)] log_zero = -own .* log1p_exp(eta[counts] - log(own));
  vector[rows(eta)] log_lik;
  log_lik[zeros] = log(hu[zeros]);
  log_lik[counts] = log1m(hu[counts])
                    + varying_negbinomial_log_lik(y[counts], eta[counts], own)
                    - log1m_exp(log_zero);
  return log_lik;
}
