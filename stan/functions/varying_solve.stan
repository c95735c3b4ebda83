/**
 * C_j^-1 S_j' e_j for every level j at once: batched_solve where each level has a factor of its
 * own.
 *
 * @param C Cholesky factors of all levels, lower triangles packed
 * @param S lower triangular factors of the effects of all levels, packed
 * @param e one vector an effect, one element a level
 * @param J number of levels
 */
array[] vector varying_solve(array[] vector C, array[] vector S, array[] vector e, data int J) {
  int q = size(e);
  array[q] vector[J] w;
  for (k in 1:q) {
    vector[J] v = S[packed(k, k)] .* e[k];
    for (h in (k + 1):q) {
      v += S[packed(h, k)] .* e[h];
    }
    for (h in 1:(k - 1)) {
      v -= C[packed(k, h)] .* w[h];
    }
    w[k] = v ./ C[packed(k, k)];
  }
  return w;
}
