/**
 * Cholesky factor of a correlation matrix whose correlations are all the same.
 *
 * @param rho the correlation, above -1 / (q - 1)
 * @param q   rows
 */
matrix exchangeable_factor(real rho, data int q) {
  matrix[q, q] L = rep_matrix(0, q, q);
  for (j in 1:q) {
    real before = 1 + (j - 2) * rho;
    real after = before + rho;
    L[j, j] = sqrt((1 - rho) * after / before);
    for (i in (j + 1):q) {
      L[i, j] = rho * sqrt((1 - rho) / (before * after));
    }
  }
  return L;
}
