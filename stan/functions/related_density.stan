/**
 * What effects add to the log density of a Gaussian response once they are integrated out, where
 * levels depend on each other and have factors of their own: dense_density of effects T x as
 * related_precision has them.
 *
 * @param G     information of the data about each two effects, packed as a lower triangle: one row
 *              and one column a level
 * @param S     lower triangular factors of the effects of all levels over sigma, packed: one
 *              vector an entry, one element a level
 * @param e     the score of the data: one vector an effect, one element a level
 * @param sigma residual sd
 * @param R     levels from coordinates that are independent a priori
 * @param J     number of levels
 */
real related_density(data array[] matrix G, array[] vector S, array[] vector e, real sigma,
                     data matrix R, data int J) {
  int q = size(e);
  matrix[q * J, q * J] C = cholesky_decompose(related_precision(G, S, R, q, J));
  vector[q * J] s = mdivide_left_tri_low(C, related_score(S, e, R, J));
  return 0.5 * dot_self(s) / square(sigma) - sum(log(diagonal(C)));
}
