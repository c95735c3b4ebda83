/**
 * What the effects of a factor take from the residuals of one nested in it: e - F r, where
 * each level meets one level of the other factor.
 *
 * @param e  one vector an effect, one element a level
 * @param F  Z' Z_other: an array over both factors' effects, one element a level
 * @param at level of the other factor in which each level lies
 * @param r  effects of the other factor, one row a level
 */
array[] vector nested_sums(array[] vector e, array[,] vector F, array[] int at, matrix r) {
  array[size(F)] vector[size(at)] out;
  for (k in 1:size(F)) {
    vector[size(at)] total = F[k, 1] .* r[at, 1];
    for (h in 2:cols(r)) {
      total += F[k, h] .* r[at, h];
    }
    out[k] = e[k] - total;
  }
  return out;
}
