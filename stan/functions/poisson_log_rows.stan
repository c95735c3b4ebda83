/**
 * Log likelihood of sums of counts with log link, up to a constant.
 *
 * Compiled programs may bind the C++ function of the same name, which passes over the rows once.
 *
 * @param y      response of each row, or its sum over equal rows, or a weighted sum
 * @param count  number of rows or sum of weights behind each
 * @param alpha, X, b, offset_, Z, level, J, M, u  linear predictor, as in row_predictor
 */
real poisson_log_rows(data vector y, data vector count, real alpha, data matrix X, vector b,
                      data vector offset_, data matrix Z, data array[,] int level,
                      data array[] int J, data array[] int M, vector u) {
  vector[rows(X)] eta = row_predictor(alpha, X, b, offset_, Z, level, J, M, u);
  return dot_product(y, eta) - dot_product(count, exp(eta));
}
