/**
 * I + T' G T of effects T x, where levels depend on each other and have factors of their own:
 * effects of level j are S_j times row j of R x, x standard normal but for sigma.
 *
 * @param G information of the data about each two effects, packed as a lower triangle: one row and
 *          one column a level
 * @param S lower triangular factors of the effects of all levels, packed: one vector an entry, one
 *          element a level
 * @param R levels from coordinates that are independent a priori
 * @param q number of effects
 * @param J number of levels
 * @return  coordinates within effects
 */
matrix related_precision(data array[] matrix G, array[] vector S, data matrix R, data int q,
                         data int J) {
  matrix[q * J, q * J] M = identity_matrix(q * J);
  for (h in 1:q) {
    int a = (h - 1) * J;
    for (g in 1:h) {
      int b = (g - 1) * J;
      matrix[J, J] block = rep_matrix(0, J, J);
      for (k in h:q) {
        for (l in g:q) {
          if (k >= l) {
            block += diag_pre_multiply(
              S[packed(k, h)], diag_post_multiply(G[packed(k, l)], S[packed(l, g)])
            );
          } else {
            block += diag_pre_multiply(
              S[packed(k, h)], diag_post_multiply(G[packed(l, k)]', S[packed(l, g)])
            );
          }
        }
      }
      matrix[J, J] inner = R' * block * R;
      M[(a + 1):(a + J), (b + 1):(b + J)] += inner;
      if (g < h) {
        M[(b + 1):(b + J), (a + 1):(a + J)] = inner';
      }
    }
  }
  return M;
}
