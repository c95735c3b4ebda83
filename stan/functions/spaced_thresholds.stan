/**
 * Thresholds from the logarithms of their gaps, and minus their weighted mean.
 *
 * @param log_gap logarithms of the gaps
 * @param middle  weights of the thresholds in their mean; sum to 1
 * @param shift   minus that mean
 */
vector spaced_thresholds(vector log_gap, data vector middle, real shift) {
  vector[size(middle)] above = append_row(0, cumulative_sum(exp(log_gap)));
  return above - (dot_product(middle, above) + shift);
}
