/**
 * What the effects of another factor take from the residuals within levels: e - F r, F dense.
 *
 * @param e one vector an effect, one element a level
 * @param F Z' Z_other: one matrix an effect; its columns are the other factor's levels, for
 *          one of its effects after the other
 * @param r effects of the other factor, one row a level
 */
array[] vector crossed_products(array[] vector e, array[] matrix F, matrix r) {
  array[size(F)] vector[rows(F[1])] out;
  for (k in 1:size(F)) {
    out[k] = e[k] - F[k] * to_vector(r);
  }
  return out;
}
