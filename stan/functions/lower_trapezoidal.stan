/**
 * A tall matrix with zeros above its diagonal.
 *
 * @param a its other entries, column by column
 * @param M rows
 * @param D columns
 */
matrix lower_trapezoidal(vector a, int M, int D) {
  matrix[M, D] A = rep_matrix(0, M, D);
  int at = 0;
  for (k in 1:D) {
    A[k:M, k] = a[(at + 1):(at + M - k + 1)];
    at += M - k + 1;
  }
  return A;
}
