/**
 * What the effects of a grouping factor add to the log density of a Gaussian response once
 * they are integrated out; with I + S' A_j S = C_j C_j' it is solved_density of C and
 * C_j^-1 S' e_j.
 *
 * Compiled programs may bind the C++ function of the same name.
 *
 * @param A     Z_j' Z_j of all levels, lower triangles packed: one vector an entry, one element a
 *              level
 * @param S     triangular factor of the covariance of the effects over sigma^2
 * @param e     Z_j' (y - X b): one vector an effect, one element a level
 * @param sigma residual sd
 * @param J     number of levels
 */
real integrated_density(array[] vector A, matrix S, array[] vector e, real sigma, data int J) {
  int q = rows(S);
  array[size(A)] vector[J] C = batched_cholesky(batched_precision(A, S), q, J);
  return solved_density(C, batched_solve(C, S, e, J), sigma);
}
