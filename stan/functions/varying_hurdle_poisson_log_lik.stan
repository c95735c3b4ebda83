/**
 * Log likelihood of each row's hurdle Poisson count, log link, with a hurdle of its own.
 *
 * As hurdle_poisson_log_lik, but for hu. Constants are left out.
 *
 * @param y counts
 * @param zeros, counts rows with a count of 0, and the others
 * @param eta linear predictor of each row, log of the Poisson mean
 * @param hu probability of a 0, of each row
 * @return vector of the log likelihood of each row
 */
vector varying_hurdle_poisson_log_lik(vector y, array[] int zeros, array[] int counts,
                                      vector eta, vector hu) {
  vector[size(counts)] mu = exp(eta[counts]);
  vector[rows(eta)] log_lik;
  log_lik[zeros] = log(hu[zeros]);
  log_lik[counts] = log1m(hu[counts]) + y[counts] .* eta[counts] - mu - log1m_exp(-mu);
  return log_lik;
}
