/**
 * Log likelihood of sums of successes with logit link, up to a constant.
 *
 * Compiled programs may bind the C++ function of the same name, which passes over the rows once.
 *
 * @param y      successes of each row, or their sum over equal rows, or a weighted sum
 * @param count  trials of each row, summed alike
 * @param alpha, X, b, offset_, Z, level, J, M, u  linear predictor, as in row_predictor
 */
real binomial_logit_rows(data vector y, data vector count, real alpha, data matrix X, vector b,
                         data vector offset_, data matrix Z, data array[,] int level,
                         data array[] int J, data array[] int M, vector u) {
  vector[rows(X)] eta = row_predictor(alpha, X, b, offset_, Z, level, J, M, u);
  return dot_product(y, log_inv_logit(eta)) + dot_product(count - y, log1m_inv_logit(eta));
}
