// Stan function bernoulli_logit_rows: rows of a Bernoulli response with logit link.
#ifndef HIERGLM_BERNOULLI_LOGIT_ROWS_HPP
#define HIERGLM_BERNOULLI_LOGIT_ROWS_HPP

#include "rows_density.hpp"

namespace hierglm {

// log p = min(s, 0) - log(1 + exp(-|s|)), s = eta where y = 1 and -eta where y = 0. The sum of
// log(1 + e) is the log of one product a block, at most 2^block_rows, less 1 to keep what is small.
struct BernoulliLogit {
  static constexpr double idle = -1000.0;
  const int* y;

  struct Sum {
    lanes linear = {};
    lanes product = {};  // (1 + e_1) (1 + e_2) ... - 1
  };

  HIERGLM_INLINE lanes slope(int i, int n, const lanes& eta, Sum& sum) const {
    const lanes sign = 2.0 * load(y + i, n) - 1.0;
    const lanes s = sign * eta;
    const lanes e = exp(-magnitude(s));
    sum.linear += at_most(s, 0.0);
    sum.product += e + sum.product * e;
    return sign * (s > 0.0 ? e : all(1.0)) / (1.0 + e);
  }

  HIERGLM_INLINE void finish(const Sum& sum, double& value, double&) const {
    double product = 0;
    for (int i = 0; i < width; ++i) {
      product += sum.product[i] + product * sum.product[i];
    }
    value += hierglm::sum(sum.linear) - std::log1p(product);
  }

  HIERGLM_SUM_ROWS(BernoulliLogit)
};

template <typename Alpha, typename Columns, typename B, typename Offset, typename Effects,
          typename U>
auto bernoulli_logit_rows(const std::vector<int>& y, const Alpha& alpha, const Columns& X,
                          const B& b, const Offset& offset, const Effects& Z,
                          const std::vector<std::vector<int>>& level, const std::vector<int>& J,
                          const std::vector<int>& M, const U& u, std::ostream*) {
  return rows_density("bernoulli_logit_rows", BernoulliLogit{y.data()}, y.size(), 1.0, alpha, X, b,
                      offset, Z, level, J, M, u);
}

}  // namespace hierglm

using hierglm::bernoulli_logit_rows;

#endif
