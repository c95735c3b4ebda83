/**
 * Log prior density of effects S s_j with covariance sigma^2 S S', as a density of the z_j
 * of conditional_effects: a standard normal one and the Jacobian, the sum over the levels of
 * -|s_j|^2 / (2 sigma^2) - log |C_j|.
 *
 * @param C     Cholesky factors of I + S' A_j S, lower triangles packed
 * @param s     effects over their scale: one vector an effect, one element a level
 * @param sigma residual sd, 1 where there is none
 */
real conditional_density(array[] vector C, array[] vector s, real sigma) {
  real squares = 0;
  real log_determinant = 0;
  for (k in 1:size(s)) {
    squares += dot_self(s[k]);
    log_determinant += sum(log(C[packed(k, k)]));
  }
  return -0.5 * squares / square(sigma) - log_determinant;
}
