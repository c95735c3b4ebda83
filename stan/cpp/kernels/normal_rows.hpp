// Stan function normal_rows: means of a Gaussian response, with sigma, known errors, or both.
#ifndef HIERGLM_NORMAL_ROWS_HPP
#define HIERGLM_NORMAL_ROWS_HPP

#include "rows_density.hpp"

namespace hierglm {

// log p = -1/2 (count log(v) + (count (y - eta)^2 + within) / v), less its constant, with
// v = se^2 + sigma^2; se is null where there is none.
struct Normal {
  static constexpr double idle = 0.0;
  const double* y;
  const double* count;
  const double* within;
  const double* se;
  double sigma;
  double log_variance;  // where there is no se

  struct Sum {
    lanes total = {};
    lanes along_variance = {};
  };

  HIERGLM_INLINE lanes slope(int i, int n, const lanes& eta, Sum& sum) const {
    lanes variance = all(sigma * sigma);
    if (se != nullptr) {
      const lanes known = load(se + i, n, 1.0);
      variance += known * known;
    }
    const lanes over = 1.0 / variance, rows = load(count + i, n);
    const lanes weight = rows * over, residual = load(y + i, n) - eta;
    const lanes squares = weight * residual * residual + load(within + i, n) * over;
    sum.total += squares + rows * (se != nullptr ? log(variance) : all(log_variance));
    sum.along_variance += over * (squares - rows);
    return weight * residual;
  }

  HIERGLM_INLINE void finish(const Sum& sum, double& value, double& scale) const {
    value -= 0.5 * hierglm::sum(sum.total);
    scale += sigma * hierglm::sum(sum.along_variance);
  }

  HIERGLM_SUM_ROWS(Normal)
};

template <typename Y, typename Count, typename Within, typename Known, typename Sigma,
          typename Alpha, typename Columns, typename B, typename Offset, typename Effects,
          typename U>
auto normal_rows(const Y& y_, const Count& count_, const Within& within_, const Known& se_,
                 const Sigma& sigma, const Alpha& alpha, const Columns& X, const B& b,
                 const Offset& offset, const Effects& Z,
                 const std::vector<std::vector<int>>& level, const std::vector<int>& J,
                 const std::vector<int>& M, const U& u, std::ostream*) {
  const Eigen::Ref<const Eigen::VectorXd> y(y_), count(count_), within(within_), se(se_);
  const char* function = "normal_rows";
  stan::math::check_size_match(function, "y", y.size(), "count", count.size());
  stan::math::check_size_match(function, "y", y.size(), "within", within.size());
  if (se.size() > 0) {
    stan::math::check_size_match(function, "y", y.size(), "se", se.size());
  }
  const double sd = stan::math::value_of(sigma);
  const Normal likelihood{y.data(), count.data(), within.data(), se.size() > 0 ? se.data() : nullptr,
                          sd, 2 * std::log(sd)};
  return rows_density(function, likelihood, y.size(), sigma, alpha, X, b, offset, Z, level, J, M, u);
}

}  // namespace hierglm

using hierglm::normal_rows;

#endif
