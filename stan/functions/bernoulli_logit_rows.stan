/**
 * Log likelihood of rows of a Bernoulli response with logit link.
 *
 * Compiled programs may bind the C++ function of the same name, which passes over the rows once.
 *
 * @param y  response
 * @param alpha, X, b, offset_, Z, level, J, M, u  linear predictor, as in row_predictor
 */
real bernoulli_logit_rows(data array[] int y, real alpha, data matrix X, vector b,
                          data vector offset_, data matrix Z, data array[,] int level,
                          data array[] int J, data array[] int M, vector u) {
  vector[rows(X)] eta = row_predictor(alpha, X, b, offset_, Z, level, J, M, u);
  return sum(log_inv_logit((2 * to_vector(y) - 1) .* eta));
}
