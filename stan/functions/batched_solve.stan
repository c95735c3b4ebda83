/**
 * C_j^-1 S' e_j for every level j at once.
 *
 * @param C Cholesky factors of all levels, lower triangles packed
 * @param S lower triangular matrix
 * @param e one vector an effect, one element a level
 * @param J number of levels
 */
array[] vector batched_solve(array[] vector C, matrix S, array[] vector e, int J) {
  int q = rows(S);
  array[q] vector[J] w;
  for (k in 1:q) {
    vector[J] v = S[k, k] * e[k];
    for (h in (k + 1):q) {
      v += S[h, k] * e[h];
    }
    for (h in 1:(k - 1)) {
      v -= C[packed(k, h)] .* w[h];
    }
    w[k] = v ./ C[packed(k, k)];
  }
  return w;
}
