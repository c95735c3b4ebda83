/**
 * I + S' A_j S for every level j at once, lower triangles packed, as batched_precision but for
 * any S: of rank d it costs d columns, however many effects there are.
 *
 * @param A crossproducts of all levels: one vector an entry, one element a level
 * @param S matrix with one row an effect
 * @param J number of levels
 */
array[] vector low_rank_precision(array[] vector A, matrix S, int J) {
  int q = rows(S);
  int d = cols(S);
  array[(d * (d + 1)) %/% 2] vector[J] M;
  for (s in 1:d) {
    array[q] vector[J] AS;
    for (h in 1:q) {
      vector[J] product = S[1, s] * A[packed(h, 1)];
      for (k in 2:q) {
        product += S[k, s] * A[packed(max(h, k), min(h, k))];
      }
      AS[h] = product;
    }
    for (r in s:d) {
      vector[J] m = rep_vector(r == s ? 1 : 0, J);
      for (h in 1:q) {
        m += S[h, r] * AS[h];
      }
      M[packed(r, s)] = m;
    }
  }
  return M;
}
