/**
 * I + S_j' A_j S_j for every level j at once, lower triangles packed: batched_precision where
 * each level has a factor of its own.
 *
 * @param A crossproducts of all levels: one vector an entry, one element a level
 * @param S lower triangular factors of all levels, packed in the same way
 * @param q their size
 * @param J number of levels
 */
array[] vector varying_precision(array[] vector A, array[] vector S, data int q, data int J) {
  array[size(A)] vector[J] M;
  for (r in 1:q) {
    for (s in 1:r) {
      vector[J] m = rep_vector(r == s ? 1 : 0, J);
      for (h in r:q) {
        for (k in s:q) {
          m += S[packed(h, r)] .* S[packed(k, s)] .* A[packed(max(h, k), min(h, k))];
        }
      }
      M[packed(r, s)] = m;
    }
  }
  return M;
}
