/**
 * Effects of every level from standardised ones.
 *
 * @param z  standardised effects, one column a level (M x J)
 * @param sd standard deviations of the M effects
 * @param L  Cholesky factor of their correlation matrix
 * @return   effects, one row a level (J x M); each row has covariance D L L' D, D = diag(sd)
 */
matrix scale_effects(matrix z, vector sd, matrix L) {
  return (diag_pre_multiply(sd, L) * z)';
}
