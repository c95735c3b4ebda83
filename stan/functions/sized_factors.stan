/**
 * Triangular factors of the covariance of the effects of every level, where levels differ in
 * the size of their effects: lower triangles packed, one vector an entry, one element a level.
 *
 * @param S    lower triangular factor of a level of size 1
 * @param size of each level
 * @param q    number of effects
 * @param J    number of levels
 */
array[] vector sized_factors(matrix S, vector size, data int q, data int J) {
  array[(q * (q + 1)) %/% 2] vector[J] sized;
  for (k in 1:q) {
    for (h in 1:k) {
      sized[packed(k, h)] = S[k, h] * size;
    }
  }
  return sized;
}
