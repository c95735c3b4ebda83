/**
 * Log likelihood of each row's hurdle Poisson count, log link.
 *
 * A count is 0 with probability hu, else a Poisson count that is not 0 (Mullahy 1986).
 * Constants are left out.
 *
 * @param y counts
 * @param zeros, counts rows with a count of 0, and the others
 * @param eta linear predictor of each row, log of the Poisson mean
 * @param hu probability of a 0
 * @return vector of the log likelihood of each row
 */
vector hurdle_poisson_log_lik(vector y, array[] int zeros, array[] int counts, vector eta,
                              real hu) {
  vector[size(counts)] mu = exp(eta[counts]);
  vector[rows(eta)] log_lik;
  log_lik[zeros] = rep_vector(log(hu), size(zeros));
  log_lik[counts] = log1m(hu) + y[counts] .* eta[counts] - mu - log1m_exp(-mu);
  return log_lik;
}
