/**
 * What the effects of a grouping factor add to the log density of a Gaussian response once
 * they are integrated out (Lindstrom and Bates 1988; Bates et al. 2015, section 3): the sum
 * over the levels of |w_j|^2 / (2 sigma^2) - log |C_j|.
 *
 * @param C     Cholesky factors of I + S' A_j S, A_j = Z_j' Z_j and S S' the covariance of
 *              the effects over sigma^2; lower triangles packed
 * @param w     C_j^-1 S' Z_j' (y - X b): one vector an effect, one element a level
 * @param sigma residual sd
 */
real solved_density(array[] vector C, array[] vector w, real sigma) {
  real squares = 0;
  real log_determinant = 0;
  for (k in 1:size(w)) {
    squares += dot_self(w[k]);
    log_determinant += sum(log(C[packed(k, k)]));
  }
  return 0.5 * squares / square(sigma) - log_determinant;
}
