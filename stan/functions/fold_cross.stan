/**
 * Crossproducts of a factor and one that holds it once a factor nested in both has been
 * integrated out: F less the sum of G_i' H_i over the levels i within each of its levels.
 *
 * @param F    Z' Z_outer: an array over outer and own effects, one element an own level
 * @param G    C_i^-1 S' Z_i' Z of the factor itself: an array over own and inner effects
 * @param H    C_i^-1 S' Z_i' Z_outer: an array over outer and inner effects
 * @param at   inner levels, those of one own level after the other
 * @param ends 1, then for each own level one past its last inner level
 */
array[,] vector fold_cross(array[,] vector F, array[,] vector G, array[,] vector H,
                           array[] int at, array[] int ends) {
  array[size(F), size(F[1])] vector[num_elements(F[1, 1])] out;
  for (r in 1:size(F)) {
    for (k in 1:size(F[1])) {
      vector[size(at)] total = H[r, 1] .* G[k, 1];
      for (h in 2:size(G[1])) {
        total += H[r, h] .* G[k, h];
      }
      out[r, k] = F[r, k] - segment_sums(total[at], ends);
    }
  }
  return out;
}
