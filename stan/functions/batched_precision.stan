/**
 * I + S' A_j S for every level j at once, lower triangles packed.
 *
 * @param A crossproducts of all levels: one vector an entry, one element a level
 * @param S lower triangular matrix
 */
array[] vector batched_precision(array[] vector A, matrix S) {
  int q = rows(S);
  int J = num_elements(A[1]);
  array[size(A)] vector[J] M;
  for (r in 1:q) {
    for (s in 1:r) {
      vector[J] m = rep_vector(r == s ? 1 : 0, J);
      for (h in r:q) {
        for (k in s:q) {
          m += S[h, r] * S[k, s] * A[packed(max(h, k), min(h, k))];
        }
      }
      M[packed(r, s)] = m;
    }
  }
  return M;
}
