/**
 * A tall matrix with zeros above its diagonal.
 *
 * @param diagonal its diagonal
 * @param below    what is below that, column by column
 * @param M        number of rows
 */
matrix lower_trapezoidal(vector diagonal, vector below, int M) {
  int D = num_elements(diagonal);
  matrix[M, D] A = rep_matrix(0, M, D);
  int at = 0;
  for (k in 1:D) {
    A[k, k] = diagonal[k];
    A[(k + 1):M, k] = below[(at + 1):(at + M - k)];
    at += M - k;
  }
  return A;
}
