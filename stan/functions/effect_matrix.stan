/**
 * Effects S s_j, one row a level.
 *
 * @param S lower triangular matrix
 * @param s one vector an effect, one element a level
 * @param J number of levels
 */
matrix effect_matrix(matrix S, array[] vector s, int J) {
  matrix[J, rows(S)] r;
  for (k in 1:rows(S)) {
    vector[J] v = S[k, 1] * s[1];
    for (h in 2:k) {
      v += S[k, h] * s[h];
    }
    r[, k] = v;
  }
  return r;
}
