/**
 * Triangular factors of the covariance of effects in coordinates in which levels are independent:
 * lower triangles packed, one vector an entry, one element a coordinate.
 *
 * @param S       lower triangular factor of the covariance of effects
 * @param weights of each coordinate, one column an effect
 * @param q       number of effects
 * @param J       number of coordinates
 */
array[] vector field_factors(matrix S, matrix weights, data int q, data int J) {
  array[(q * (q + 1)) %/% 2] vector[J] weighted;
  for (k in 1:q) {
    for (h in 1:k) {
      weighted[packed(k, h)] = S[k, h] * weights[, h];
    }
  }
  return weighted;
}
