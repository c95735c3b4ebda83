/**
 * Effects of low rank about their conditional means at a penalised fit, and their log density:
 * conditional_effects for any S.
 *
 * @param A     information about the effects by level, lower triangles packed: one vector an
 *              entry, one element a level
 * @param S     one row an effect; S S' is their covariance over sigma^2
 * @param e     their score by level: one vector an effect, one element a level
 * @param sigma residual sd, 1 where there is none
 * @param z     one vector a column of S, one element a level
 * @param J     number of levels
 * @return      one row a level: its effects, then its log density
 */
matrix low_rank_effects(data array[] vector A, matrix S, array[] vector e, real sigma,
                        array[] vector z, data int J) {
  int q = rows(S);
  int d = cols(S);
  array[(d * (d + 1)) %/% 2] vector[J] C = batched_cholesky(low_rank_precision(A, S, J), d, J);
  array[d] vector[J] s = low_rank_solve(C, S, e, J);
  vector[J] density = rep_vector(0, J);
  matrix[J, q + 1] r = rep_matrix(0, J, q + 1);
  for (i in 1:d) {
    int k = d + 1 - i;
    s[k] += sigma * z[k];
    for (h in (k + 1):d) {
      s[k] -= C[packed(h, k)] .* s[h];
    }
    s[k] ./= C[packed(k, k)];
    density -= 0.5 * square(s[k] / sigma) + log(C[packed(k, k)]);
  }
  for (k in 1:q) {
    for (h in 1:d) {
      r[, k] += S[k, h] * s[h];
    }
  }
  r[, q + 1] = density;
  return r;
}
