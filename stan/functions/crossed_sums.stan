/**
 * What the effects of another factor take from the residuals within levels: e - F r, F sparse.
 *
 * @param e    one vector an effect, one element a level
 * @param F    entries of Z' Z_other, level by level: an array over both factors' effects
 * @param at   level of the other factor of each entry
 * @param ends 1, then for each level one past its last entry
 * @param r    effects of the other factor, one row a level
 */
array[] vector crossed_sums(array[] vector e, array[,] vector F, array[] int at,
                            array[] int ends, matrix r) {
  array[size(F)] vector[size(ends) - 1] out;
  for (k in 1:size(F)) {
    vector[size(at)] total = F[k, 1] .* r[at, 1];
    for (h in 2:cols(r)) {
      total += F[k, h] .* r[at, h];
    }
    out[k] = e[k] - segment_sums(total, ends);
  }
  return out;
}
