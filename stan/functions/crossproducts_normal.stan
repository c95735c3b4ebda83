/**
 * Log density of a Gaussian response from crossproducts, up to a constant.
 *
 * The sum of squares is written about the least-squares fit, |y - X b|^2 = rss + |R d|^2,
 * so that nothing cancels.
 *
 * @param d       coefficients minus least-squares coefficients
 * @param sigma   residual sd
 * @param weights number of rows, or the sum of their weights
 * @param rss     residual sum of squares of the least-squares fit
 * @param R       triangular factor of X, R' R = X' X
 */
real crossproducts_normal(vector d, real sigma, real weights, real rss, matrix R) {
  return -weights * log(sigma) - 0.5 * (rss + dot_self(R * d)) / square(sigma);
}
