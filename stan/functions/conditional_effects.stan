/**
 * Effects about their conditional means at a penalised fit, and their log density.
 *
 * With I + S' A_j S = C_j C_j', effects are S s_j, s_j = C_j^-T (C_j^-1 S' e_j + sigma z_j): their
 * mean given all else at the fit, and what z adds. Neither centred nor standardised: wherever
 * the fit stands the posterior is the same, and close to it z is nearly standard normal. The
 * density is that of effects with covariance sigma^2 S S', as a density of z: a standard normal
 * one and the Jacobian, -|s_j|^2 / (2 sigma^2) - log |C_j|.
 *
 * Compiled programs may bind the C++ function of the same name.
 *
 * @param A     information about the effects by level, lower triangles packed: one vector an
 *              entry, one element a level
 * @param S     their scale, lower triangular
 * @param e     their score by level: one vector an effect, one element a level
 * @param sigma residual sd, 1 where there is none
 * @param z     as e
 * @param J     number of levels
 * @return      one row a level: its effects, then its log density
 */
matrix conditional_effects(data array[] vector A, matrix S, array[] vector e, real sigma,
                           array[] vector z, data int J) {
  int q = rows(S);
  array[size(A)] vector[J] C = batched_cholesky(batched_precision(A, S), q, J);
  array[q] vector[J] s = batched_solve(C, S, e, J);
  vector[J] density = rep_vector(0, J);
  matrix[J, q + 1] r = rep_matrix(0, J, q + 1);
  for (i in 1:q) {
    int k = q + 1 - i;
    s[k] += sigma * z[k];
    for (h in (k + 1):q) {
      s[k] -= C[packed(h, k)] .* s[h];
    }
    s[k] ./= C[packed(k, k)];
    density -= 0.5 * square(s[k] / sigma) + log(C[packed(k, k)]);
  }
  for (k in 1:q) {
    for (h in 1:k) {
      r[, k] += S[k, h] * s[h];
    }
  }
  r[, q + 1] = density;
  return r;
}
