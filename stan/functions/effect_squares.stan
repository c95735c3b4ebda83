/**
 * What effects add to the sum of squares: the sum over the levels of r_j' A_j r_j - 2 e_j' r_j.
 *
 * @param r effects, one row a level
 * @param A crossproducts of all levels, lower triangles packed
 * @param e sums within levels of effect columns times residuals
 */
real effect_squares(matrix r, array[] vector A, array[] vector e) {
  real out = 0;
  for (k in 1:size(e)) {
    out += dot_product(r[, k], A[packed(k, k)] .* r[, k] - 2 * e[k]);
    for (h in 1:(k - 1)) {
      out += 2 * dot_product(r[, k], A[packed(k, h)] .* r[, h]);
    }
  }
  return out;
}
