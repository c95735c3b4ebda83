/**
 * Linear predictor of each row: alpha + offset + X b + the sum over the group terms of Z u.
 *
 * @param alpha   intercept
 * @param X       columns
 * @param b       their coefficients
 * @param offset_ added to the predictor; empty where there is none
 * @param Z       columns of the effects of all group terms, side by side
 * @param level   for each term the level of each row
 * @param J       for each term the number of levels
 * @param M       for each term the number of effects a level
 * @param u       effects of all terms: term by term, effect by effect, level by level
 */
vector row_predictor(real alpha, data matrix X, vector b, data vector offset_, data matrix Z,
                     data array[,] int level, data array[] int J, data array[] int M, vector u) {
  vector[rows(X)] eta = alpha + X * b;
  int column = 1;
  int start = 1;
  if (num_elements(offset_) > 0) {
    eta += offset_;
  }
  for (k in 1:size(M)) {
    for (m in 1:M[k]) {
      eta += Z[, column] .* segment(u, start, J[k])[level[k]];
      column += 1;
      start += J[k];
    }
  }
  return eta;
}
