/**
 * Cholesky factor of the correlations rho^|s - t| of a first-order autoregression.
 *
 * Each effect is what is left of the one before it, and something new.
 *
 * @param rho  correlation of effects one step apart
 * @param time times of the effects in steps, in order
 */
matrix autoregressive_factor(real rho, data array[] int time) {
  int q = size(time);
  matrix[q, q] L = rep_matrix(0, q, q);
  L[1, 1] = 1;
  for (i in 2:q) {
    real left = rho ^ (time[i] - time[i - 1]);
    for (j in 1:(i - 1)) {
      L[i, j] = left * L[i - 1, j];
    }
    L[i, i] = sqrt(1 - square(left));
  }
  return L;
}
