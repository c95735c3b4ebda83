/**
 * Log likelihood of successes and failures of each row, complementary log-log link.
 *
 * A success has probability 1 - exp(-exp(eta)). Constants are left out.
 *
 * @param y, failures successes and failures of each row
 * @param eta linear predictor of each row
 * @return vector of the log likelihood of each row
 */
vector cloglog_log_lik(vector y, vector failures, vector eta) {
  vector[rows(eta)] hazard = exp(eta);
  return y .* log1m_exp(-hazard) - failures .* hazard;
}
