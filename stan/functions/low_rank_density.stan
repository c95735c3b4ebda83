/**
 * What effects of low rank add to the log density of a Gaussian response once they are
 * integrated out: integrated_density for any S.
 *
 * @param A     Z_j' Z_j of all levels, lower triangles packed: one vector an entry, one element a
 *              level
 * @param S     one row an effect; S S' is the covariance of the effects over sigma^2
 * @param e     Z_j' (y - X b): one vector an effect, one element a level
 * @param sigma residual sd
 * @param J     number of levels
 */
real low_rank_density(array[] vector A, matrix S, array[] vector e, real sigma, data int J) {
  int d = cols(S);
  array[(d * (d + 1)) %/% 2] vector[J] C = batched_cholesky(low_rank_precision(A, S, J), d, J);
  return solved_density(C, low_rank_solve(C, S, e, J), sigma);
}
