/**
 * C_j^-1 S' e_j for every level j at once, as batched_solve but for any S.
 *
 * @param C Cholesky factors of all levels, lower triangles packed
 * @param S matrix with one row an effect
 * @param e one vector an effect, one element a level
 * @param J number of levels
 */
array[] vector low_rank_solve(array[] vector C, matrix S, array[] vector e, int J) {
  int d = cols(S);
  array[d] vector[J] w;
  for (k in 1:d) {
    vector[J] v = S[1, k] * e[1];
    for (h in 2:rows(S)) {
      v += S[h, k] * e[h];
    }
    for (h in 1:(k - 1)) {
      v -= C[packed(k, h)] .* w[h];
    }
    w[k] = v ./ C[packed(k, k)];
  }
  return w;
}
