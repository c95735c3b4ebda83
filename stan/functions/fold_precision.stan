/**
 * Crossproducts of an outer factor's levels once a factor nested in it has been integrated
 * out: A less the sum of G_i' G_i over the levels i within each.
 *
 * @param A    crossproducts of all outer levels, lower triangles packed
 * @param G    C_i^-1 S' Z_i' Z_outer: an array over outer and inner effects
 * @param at   inner levels, those of one outer level after the other
 * @param ends 1, then for each outer level one past its last inner level
 */
array[] vector fold_precision(array[] vector A, array[,] vector G, array[] int at,
                              array[] int ends) {
  array[size(A)] vector[num_elements(A[1])] out;
  for (r in 1:size(G)) {
    for (s in 1:r) {
      vector[size(at)] total = G[r, 1] .* G[s, 1];
      for (h in 2:size(G[1])) {
        total += G[r, h] .* G[s, h];
      }
      out[packed(r, s)] = A[packed(r, s)] - segment_sums(total[at], ends);
    }
  }
  return out;
}
