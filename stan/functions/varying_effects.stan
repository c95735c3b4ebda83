/**
 * Effects about their conditional means at a penalised fit, and their log density:
 * conditional_effects where each level has a factor of its own.
 *
 * @param A     information about the effects by level, lower triangles packed: one vector an
 *              entry, one element a level
 * @param S     lower triangular factors of their covariance over sigma^2, of all levels, packed
 *              in the same way
 * @param e     their score by level: one vector an effect, one element a level
 * @param sigma residual sd, 1 where there is none
 * @param z     as e
 * @param J     number of levels
 * @return      one row a level: its effects, then its log density
 */
matrix varying_effects(data array[] vector A, array[] vector S, array[] vector e, real sigma,
                       array[] vector z, data int J) {
  int q = size(z);
  array[size(A)] vector[J] C = batched_cholesky(varying_precision(A, S, q, J), q, J);
  array[q] vector[J] s = varying_solve(C, S, e, J);
  vector[J] density = rep_vector(0, J);
  matrix[J, q + 1] r = rep_matrix(0, J, q + 1);
  for (i in 1:q) {
    int k = q + 1 - i;
    s[k] += sigma * z[k];
    for (h in (k + 1):q) {
      s[k] -= C[packed(h, k)] .* s[h];
    }
    s[k] ./= C[packed(k, k)];
    density -= 0.5 * square(s[k] / sigma) + log(C[packed(k, k)]);
  }
  for (k in 1:q) {
    for (h in 1:k) {
      r[, k] += S[packed(k, h)] .* s[h];
    }
  }
  r[, q + 1] = density;
  return r;
}
