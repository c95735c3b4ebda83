/**
 * Log likelihood of each row's zero-inflated Poisson count, log link, with its own inflation.
 *
 * As zero_inflated_poisson_log_lik, but for zi. Constants are left out.
 *
 * @param y counts
 * @param zeros rows with a count of 0
 * @param eta linear predictor of each row, log of the Poisson mean
 * @param zi probability of a 0 beside the Poisson's, of each row
 * @return vector of the log likelihood of each row
 */
vector varying_zero_inflated_poisson_log_lik(vector y, array[] int zeros, vector eta, vector zi) {
  vector[rows(eta)] mu = exp(eta);
  vector[rows(eta)] log_lik = log1m(zi) + y .* eta - mu;
  log_lik[zeros] += log1p_exp(logit(zi[zeros]) + mu[zeros]);
  return log_lik;
}
