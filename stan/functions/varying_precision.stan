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
  for (s in 1:q) {
    array[q] vector[J] AS;
    for (h in s:q) {
      vector[J] product = S[packed(s, s)] .* A[packed(h, s)];
      for (k in (s + 1):q) {
        product += S[packed(k, s)] .* A[packed(max(h, k), min(h, k))];
      }
      AS[h] = product;
    }
    for (r in s:q) {
      vector[J] m = rep_vector(r == s ? 1 : 0, J);
      for (h in r:q) {
        m += S[packed(h, r)] .* AS[h];
      }
      M[packed(r, s)] = m;
    }
  }
  return M;
}
