/**
 * What the effects of a grouping factor add to the log density of a Gaussian response once
 * they are integrated out: integrated_density where each level has a factor of its own.
 *
 * @param A     Z_j' Z_j of all levels, lower triangles packed: one vector an entry, one element a
 *              level
 * @param S     triangular factors of the covariance of the effects over sigma^2, of all levels,
 *              packed in the same way
 * @param e     Z_j' (y - X b): one vector an effect, one element a level
 * @param sigma residual sd
 * @param J     number of levels
 */
real varying_density(array[] vector A, array[] vector S, array[] vector e, real sigma,
                     data int J) {
  int q = size(e);
  array[size(A)] vector[J] C = batched_cholesky(varying_precision(A, S, q, J), q, J);
  return solved_density(C, varying_solve(C, S, e, J), sigma);
}
