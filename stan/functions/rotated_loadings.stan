/**
 * Loadings with their columns rotated, so that they are zero above the diagonal and positive on
 * it: U Q', the rows of Q being the first rows of U made orthonormal (Gram-Schmidt, twice over
 * against rounding). U U' stays the same.
 *
 * @param U loadings, at least as many rows as columns
 */
matrix rotated_loadings(matrix U) {
  int d = cols(U);
  matrix[d, d] Q;
  for (k in 1:d) {
    row_vector[d] own = U[k];
    for (pass in 1:2) {
      for (h in 1:(k - 1)) {
        own -= dot_product(own, Q[h]) * Q[h];
      }
    }
    Q[k] = own / sqrt(dot_self(own));
  }
  return U * Q';
}
