/**
 * Matrix t distribution (Gupta and Nagar 2000, chapter 4), without its constant: rows are normal
 * with a common covariance that is not known, so that few directions have large singular values
 * and the others small ones. Its logarithm is that of prod(1 + s^2 / (df scale^2)) over the singular
 * values s, the log-det penalty of ranks (Fazel, Hindi and Boyd 2003).
 *
 * @param A     matrix, at least as many rows as columns
 * @param df    degrees of freedom of the largest singular value
 * @param scale scale of an entry
 */
real matrix_student_t(matrix A, real df, real scale) {
  int d = cols(A);
  matrix[d, d] V = add_diag(crossprod(A) / (df * square(scale)), 1);
  return -(df + rows(A) + d - 1) * sum(log(diagonal(cholesky_decompose(V))));
}
