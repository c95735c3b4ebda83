// Stan function binomial_logit_rows: sums of successes with logit link.
#ifndef HIERGLM_BINOMIAL_LOGIT_ROWS_HPP
#define HIERGLM_BINOMIAL_LOGIT_ROWS_HPP

#include "rows_density.hpp"

namespace hierglm {

// log p = y eta - count log(1 + exp(eta)), less its constant. With e = exp(-|eta|) and failures
// count - y it is min(eta, 0) y - max(eta, 0) (count - y) - count log(1 + e): nothing cancels.
struct BinomialLogit {
  static constexpr double idle = 0.0;
  const double* y;
  const double* count;

  struct Sum {
    lanes total = {};
  };

  HIERGLM_INLINE lanes slope(int i, int n, const lanes& eta, Sum& sum) const {
    const lanes successes = load(y + i, n), trials = load(count + i, n);
    const lanes failures = trials - successes;
    const lanes e = exp(-magnitude(eta)), share = 1.0 / (1.0 + e);
    const bits positive = eta > 0.0;
    sum.total += eta * (positive ? -failures : successes) - trials * log1p(e);
    return (positive ? successes * e - failures : successes - failures * e) * share;
  }

  HIERGLM_INLINE void finish(const Sum& sum, double& value, double&) const {
    value += hierglm::sum(sum.total);
  }

  HIERGLM_SUM_ROWS(BinomialLogit)
};

template <typename Y, typename Count, typename Alpha, typename Columns, typename B,
          typename Offset, typename Effects, typename U>
auto binomial_logit_rows(const Y& y_, const Count& count_, const Alpha& alpha, const Columns& X,
                         const B& b, const Offset& offset, const Effects& Z,
                         const std::vector<std::vector<int>>& level, const std::vector<int>& J,
                         const std::vector<int>& M, const U& u, std::ostream*) {
  const Eigen::Ref<const Eigen::VectorXd> y(y_), count(count_);
  const char* function = "binomial_logit_rows";
  stan::math::check_size_match(function, "y", y.size(), "count", count.size());
  return rows_density(function, BinomialLogit{y.data(), count.data()}, y.size(), 1.0, alpha, X, b,
                      offset, Z, level, J, M, u);
}

}  // namespace hierglm

using hierglm::binomial_logit_rows;

#endif
