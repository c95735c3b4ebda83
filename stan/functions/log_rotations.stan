/**
 * Log volume of the matrices that are rotations of A, up to a constant: sum of
 * (d - k) log |A[k, k]| (Leung and Drton 2016). With it the density of a matrix that is the same
 * for all rotations of its columns becomes that of its lower triangle.
 *
 * @param A zeros above its diagonal
 */
real log_rotations(matrix A) {
  real total = 0;
  for (k in 1:cols(A)) {
    total += (cols(A) - k) * log(abs(A[k, k]));
  }
  return total;
}
