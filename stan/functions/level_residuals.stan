/**
 * Sums within levels of effect columns times residuals: c - B d.
 *
 * @param c one vector an effect, one element a level
 * @param B one matrix an effect, one row a level
 * @param d common coefficients, as distances from where c was taken
 */
array[] vector level_residuals(array[] vector c, array[] matrix B, vector d) {
  array[size(c)] vector[num_elements(c[1])] e;
  for (k in 1:size(c)) {
    e[k] = c[k] - B[k] * d;
  }
  return e;
}
