/**
 * Residuals within an outer factor's levels once a factor nested in it has been integrated
 * out: e less the sum of G_i' w_i over the levels i within each.
 *
 * @param e    one vector an outer effect, one element an outer level
 * @param G    C_i^-1 S' Z_i' Z_outer: an array over outer and inner effects
 * @param w    C_i^-1 S' e_i of the inner factor
 * @param at   inner levels, those of one outer level after the other
 * @param ends 1, then for each outer level one past its last inner level
 */
array[] vector fold_residuals(array[] vector e, array[,] vector G, array[] vector w,
                              array[] int at, array[] int ends) {
  array[size(e)] vector[num_elements(e[1])] out;
  for (r in 1:size(e)) {
    vector[size(at)] total = G[r, 1] .* w[1];
    for (h in 2:size(w)) {
      total += G[r, h] .* w[h];
    }
    out[r] = e[r] - segment_sums(total[at], ends);
  }
  return out;
}
