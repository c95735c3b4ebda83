/**
 * Effects over their scale, C_j^-T (w_j + sigma z_j) for every level j: their mean given all
 * else at a penalised fit, and what z adds. Neither centred nor standardised: wherever the
 * fit stands the posterior is the same, and close to it z is nearly standard normal.
 *
 * @param C     Cholesky factors of I + S' A_j S, lower triangles packed
 * @param w     C_j^-1 S' e_j: one vector an effect, one element a level
 * @param sigma residual sd, 1 where there is none
 * @param z     one vector an effect, one element a level
 */
array[] vector conditional_effects(array[] vector C, array[] vector w, real sigma,
                                   array[] vector z) {
  int q = size(z);
  array[q] vector[num_elements(z[1])] s;
  for (i in 1:q) {
    int k = q + 1 - i;
    vector[num_elements(z[1])] v = w[k] + sigma * z[k];
    for (h in (k + 1):q) {
      v -= C[packed(h, k)] .* s[h];
    }
    s[k] = v ./ C[packed(k, k)];
  }
  return s;
}
