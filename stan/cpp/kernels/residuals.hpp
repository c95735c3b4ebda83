// Sums within levels of effect columns times residuals: one vector an effect, one element a level.
#ifndef HIERGLM_RESIDUALS_HPP
#define HIERGLM_RESIDUALS_HPP

#include "operands.hpp"

namespace hierglm {

// Residuals e from which something is taken; what is left has the same shape.
template <typename Result, typename E>
class Residuals {
  static constexpr bool slopes = is_var<Result>;
  Kept<slopes, Eigen::Matrix<stan::scalar_type_t<E>, -1, -1>> e_;  // one row a level

 public:
  Residuals(const char* function, const std::vector<E>& e)
      : e_(e.empty() ? 0 : e[0].size(), e.size()) {
    for (std::size_t k = 0; k < e.size(); ++k) {
      stan::math::check_size_match(function, "levels", e[k].size(), "the first effect's", e_.rows());
      e_.col(k) = e[k];
    }
  }

  Eigen::MatrixXd values() const { return stan::math::value_of(e_); }

  // Returns what is left. `pass(k, adjoint)` passes the adjoints of effect k, one a level, to
  // what was taken.
  template <typename Pass>
  std::vector<Eigen::Matrix<Result, -1, 1>> left(const Eigen::MatrixXd& values, Pass pass) const {
    std::vector<Eigen::Matrix<Result, -1, 1>> out;
    if constexpr (!slopes) {
      for (int k = 0; k < values.cols(); ++k) {
        out.emplace_back(values.col(k));
      }
    } else {
      stan::arena_t<Eigen::Matrix<Result, -1, -1>> nodes = values;
      stan::math::reverse_pass_callback([e = e_, nodes, pass]() mutable {
        const Eigen::MatrixXd adjoints = nodes.adj();
        add_adjoint(e, adjoints);
        for (int k = 0; k < adjoints.cols(); ++k) {
          pass(k, adjoints.col(k));
        }
      });
      for (int k = 0; k < values.cols(); ++k) {
        out.emplace_back(nodes.col(k));
      }
    }
    return out;
  }
};

}  // namespace hierglm

#endif
