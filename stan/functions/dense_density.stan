/**
 * What effects add to the log density of a Gaussian response once they are integrated out, where
 * the data relate coordinates that are independent a priori: integrated_density with one matrix
 * of all effects, which takes the cube of their number.
 *
 * @param G     information of the data about each two effects, packed as a lower triangle: one row
 *              and one column a coordinate
 * @param S     triangular factors of the covariance of the effects over sigma^2, packed: one
 *              vector an entry, one element a coordinate
 * @param e     the score of the data: one vector an effect, one element a coordinate
 * @param sigma residual sd
 * @param J     number of coordinates
 */
real dense_density(data array[] matrix G, array[] vector S, array[] vector e, real sigma,
                   data int J) {
  int q = size(e);
  matrix[q * J, q * J] M = identity_matrix(q * J);
  vector[q * J] v = rep_vector(0, q * J);
  for (h in 1:q) {
    int a = (h - 1) * J;
    for (k in h:q) {
      v[(a + 1):(a + J)] += S[packed(k, h)] .* e[k];
    }
    for (g in 1:h) {
      int b = (g - 1) * J;
      matrix[J, J] block = rep_matrix(0, J, J);
      for (k in h:q) {
        for (l in g:q) {
          block += diag_pre_multiply(
            S[packed(k, h)], diag_post_multiply(G[packed(max(k, l), min(k, l))], S[packed(l, g)])
          );
        }
      }
      M[(a + 1):(a + J), (b + 1):(b + J)] += block;
      if (g < h) {
        M[(b + 1):(b + J), (a + 1):(a + J)] = block';
      }
    }
  }
  matrix[q * J, q * J] C = cholesky_decompose(M);
  return 0.5 * dot_self(mdivide_left_tri_low(C, v)) / square(sigma) - sum(log(diagonal(C)));
}
