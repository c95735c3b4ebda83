/**
 * Effects of every level from standardised ones, each stratum of levels with a covariance of its
 * own.
 *
 * @param z       standardised effects, one column a level
 * @param sd      standard deviations of the effects, one column a stratum
 * @param L       Cholesky factors of their correlation matrices, one a stratum
 * @param stratum stratum of each level
 * @return        effects, one row a level
 */
matrix scale_strata(matrix z, matrix sd, array[] matrix L, array[] int stratum) {
  matrix[cols(z), rows(z)] r = rep_matrix(0, cols(z), rows(z));
  for (k in 1:rows(z)) {
    for (h in 1:k) {
      r[, k] += to_vector(L[stratum, k, h]) .* z[h]';
    }
    r[, k] .*= sd[k, stratum]';
  }
  return r;
}
