/**
 * Triangular factors of the covariance of the effects of every level, where each stratum of
 * levels has a covariance of its own: lower triangles packed, one vector an entry, one element a
 * level.
 *
 * @param sd      standard deviations of the effects, one column a stratum
 * @param L       Cholesky factors of their correlation matrices, one a stratum
 * @param stratum stratum of each level
 * @param q       number of effects
 * @param J       number of levels
 */
array[] vector strata_factors(matrix sd, array[] matrix L, data array[] int stratum, data int q,
                              data int J) {
  array[(q * (q + 1)) %/% 2] vector[J] S;
  for (k in 1:q) {
    for (h in 1:k) {
      S[packed(k, h)] = (sd[k]' .* to_vector(L[:, k, h]))[stratum];
    }
  }
  return S;
}
