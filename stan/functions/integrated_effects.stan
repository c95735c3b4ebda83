/**
 * What the effects of a grouping factor add to the log density of a Gaussian response once
 * they are integrated out (Lindstrom and Bates 1988; Bates et al. 2015, section 3).
 *
 * With M_j = I + S' A_j S = C_j C_j' and v_j = S' Z_j' (y - X b) it is the sum over the
 * levels of |C_j^-1 v_j|^2 / (2 sigma^2) - log |C_j|.
 *
 * @param d     coefficients minus least-squares coefficients
 * @param sigma residual sd
 * @param S     lower triangular; S S' is the covariance of the effects over sigma^2
 * @param ZZ    A_j = Z_j' Z_j, lower triangles packed: one vector an entry, one element a level
 * @param ZX    Z_j' X: one matrix an effect, one row a level
 * @param Ze    Z_j' e, e the residuals of the least-squares fit: one vector an effect
 */
real integrated_effects(vector d, real sigma, matrix S, array[] vector ZZ, array[] matrix ZX,
                        array[] vector Ze) {
  int q = rows(S);
  int J = num_elements(Ze[1]);
  array[size(ZZ)] vector[J] C = batched_cholesky(batched_precision(ZZ, S), q);
  array[q] vector[J] e;
  array[q] vector[J] w;
  real squares = 0;
  real log_determinant = 0;
  for (k in 1:q) {
    e[k] = Ze[k] - ZX[k] * d;
  }
  for (k in 1:q) {
    vector[J] v = S[k, k] * e[k];
    for (h in (k + 1):q) {
      v += S[h, k] * e[h];
    }
    for (h in 1:(k - 1)) {
      v -= C[packed(k, h)] .* w[h];
    }
    w[k] = v ./ C[packed(k, k)];
    squares += dot_self(w[k]);
    log_determinant += sum(log(C[packed(k, k)]));
  }
  return 0.5 * squares / square(sigma) - log_determinant;
}
