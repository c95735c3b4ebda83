/**
 * Where the entries of a symmetric matrix, column by column, stand in its packed lower triangle.
 *
 * @param q rows of the matrix
 */
array[] int unpacked(int q) {
  array[q * q] int at;
  for (h in 1:q) {
    for (k in 1:q) {
      at[(h - 1) * q + k] = packed(max(h, k), min(h, k));
    }
  }
  return at;
}
