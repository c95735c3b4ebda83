/**
 * Log likelihood of successes and failures of each row, probit link.
 *
 * The logarithms of both tails are exact where Phi itself is 0 or 1. Constants are left out.
 *
 * @param y, failures successes and failures of each row
 * @param eta linear predictor of each row
 * @return vector of y * log(Phi(eta)) + failures * log(Phi(-eta))
 */
vector probit_log_lik(vector y, vector failures, vector eta) {
  int N = rows(eta);
  vector[N] log_lik;
  for (n in 1:N) {
    log_lik[n] = y[n] * std_normal_lcdf(eta[n]) + failures[n] * std_normal_lcdf(-eta[n]);
  }
  return log_lik;
}
