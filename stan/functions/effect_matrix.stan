/**
 * Effects S s_j, one row a level.
 *
 * @param S lower triangular matrix
 * @param s one vector an effect, one element a level
 */
matrix effect_matrix(matrix S, array[] vector s) {
  matrix[num_elements(s[1]), size(s)] r;
  for (k in 1:size(s)) {
    vector[num_elements(s[1])] v = S[k, 1] * s[1];
    for (h in 2:k) {
      v += S[k, h] * s[h];
    }
    r[, k] = v;
  }
  return r;
}
