/**
 * What effects add to the sum of squares where the data relate levels (or coordinates) to each
 * other: effect_squares with one matrix of each two effects.
 *
 * @param r effects, one row a level
 * @param A crossproducts of each two effects, packed as a lower triangle: one row and one column a
 *          level
 * @param e sums within levels of effect columns times residuals
 */
real coupled_squares(matrix r, data array[] matrix A, array[] vector e) {
  real out = 0;
  for (k in 1:size(e)) {
    vector[rows(r)] product = A[packed(k, k)] * r[, k] - 2 * e[k];
    for (h in 1:(k - 1)) {
      product += 2 * (A[packed(k, h)] * r[, h]);
    }
    out += dot_product(r[, k], product);
  }
  return out;
}
