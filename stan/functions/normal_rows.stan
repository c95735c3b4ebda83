/**
 * Log likelihood of means of a Gaussian response, up to a constant; the variance of a row is
 * se^2 + sigma^2.
 *
 * Compiled programs may bind the C++ function of the same name, which passes over the rows once.
 *
 * @param y      response of each row, or its mean over equal rows
 * @param count  number of rows or sum of weights behind each
 * @param within sum of squares about the mean of each
 * @param se     known standard errors; empty where there are none
 * @param sigma  residual sd; 0 where the known errors are all
 * @param alpha, X, b, offset_, Z, level, J, M, u  linear predictor, as in row_predictor
 */
real normal_rows(data vector y, data vector count, data vector within, data vector se, real sigma,
                 real alpha, data matrix X, vector b, data vector offset_, data matrix Z,
                 data array[,] int level, data array[] int J, data array[] int M, vector u) {
  vector[rows(X)] eta = row_predictor(alpha, X, b, offset_, Z, level, J, M, u);
  vector[rows(X)] squares = count .* square(y - eta) + within;
  if (num_elements(se) == 0) {
    return -sum(count) * log(sigma) - 0.5 * sum(squares) / square(sigma);
  }
  vector[rows(X)] variance = square(se) + square(sigma);
  return -0.5 * (dot_product(count, log(variance)) + sum(squares ./ variance));
}
