/**
 * Log likelihood of each row's zero-inflated Poisson count, log link.
 *
 * A count is 0 with probability zi, else Poisson; a 0 may come from either (Lambert 1992):
 * log(zi + (1 - zi) p_0) = log(1 - zi) + log p_0 + log(1 + exp(logit(zi) - log p_0)).
 * Constants are left out.
 *
 * @param y counts
 * @param zeros rows with a count of 0
 * @param eta linear predictor of each row, log of the Poisson mean
 * @param zi probability of a 0 beside the Poisson's
 * @return vector of the log likelihood of each row
 */
vector zero_inflated_poisson_log_lik(vector y, array[] int zeros, vector eta, real zi) {
  vector[rows(eta)] mu = exp(eta);
  vector[rows(eta)] log_lik = log1m(zi) + y .* eta - mu;
  log_lik[zeros] += log1p_exp(logit(zi) + mu[zeros]);
  return log_lik;
}
