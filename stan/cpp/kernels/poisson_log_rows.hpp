// Stan function poisson_log_rows: sums of counts with log link.
#ifndef HIERGLM_POISSON_LOG_ROWS_HPP
#define HIERGLM_POISSON_LOG_ROWS_HPP

#include "rows_density.hpp"

namespace hierglm {

// log p = y eta - count exp(eta), less its constant.
struct PoissonLog {
  static constexpr double idle = 0.0;
  const double* y;
  const double* count;

  struct Sum {
    lanes total = {};
  };

  HIERGLM_INLINE lanes slope(int i, int n, const lanes& eta, Sum& sum) const {
    const lanes events = load(y + i, n), expected = load(count + i, n) * exp(eta);
    sum.total += events * eta - expected;
    return events - expected;
  }

  HIERGLM_INLINE void finish(const Sum& sum, double& value, double&) const {
    value += hierglm::sum(sum.total);
  }

  HIERGLM_SUM_ROWS(PoissonLog)
};

template <typename Y, typename Count, typename Alpha, typename Columns, typename B,
          typename Offset, typename Effects, typename U>
auto poisson_log_rows(const Y& y_, const Count& count_, const Alpha& alpha, const Columns& X,
                      const B& b, const Offset& offset, const Effects& Z,
                      const std::vector<std::vector<int>>& level, const std::vector<int>& J,
                      const std::vector<int>& M, const U& u, std::ostream*) {
  const Eigen::Ref<const Eigen::VectorXd> y(y_), count(count_);
  const char* function = "poisson_log_rows";
  stan::math::check_size_match(function, "y", y.size(), "count", count.size());
  return rows_density(function, PoissonLog{y.data(), count.data()}, y.size(), 1.0, alpha, X, b,
                      offset, Z, level, J, M, u);
}

}  // namespace hierglm

using hierglm::poisson_log_rows;

#endif
