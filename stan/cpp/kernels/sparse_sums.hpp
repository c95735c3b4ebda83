// e - F r for effects r of another factor, F sparse.
#ifndef HIERGLM_SPARSE_SUMS_HPP
#define HIERGLM_SPARSE_SUMS_HPP

#include "residuals.hpp"

namespace hierglm {

// F, level by level: entries[k][h] of effects k and h; entry i meets level at[i] of the other
// factor, and entries of level j end before end(j) - 1.
template <typename Ends>
struct Sparse {
  const std::vector<std::vector<Eigen::VectorXd>>& entries;
  const std::vector<int>& at;
  Ends end;

  // values -= F r for effect k.
  void take(int k, const Eigen::MatrixXd& r, double* values, int levels) const {
    for (int h = 0; h < r.cols(); ++h) {
      const double* F = entries[k][h].data();
      const double* effect = r.col(h).data() - 1;
      for (int j = 0, i = 0; j < levels; ++j) {
        double total = 0;
        for (; i < end(j); ++i) {
          total += F[i] * effect[at[i]];
        }
        values[j] -= total;
      }
    }
  }

  // r -= F' adjoint for effect k.
  void take_transposed(int k, const double* adjoint, int levels, Eigen::MatrixXd& r) const {
    for (int h = 0; h < r.cols(); ++h) {
      const double* F = entries[k][h].data();
      double* effect = r.col(h).data() - 1;
      for (int j = 0, i = 0; j < levels; ++j) {
        for (; i < end(j); ++i) {
          effect[at[i]] -= F[i] * adjoint[j];
        }
      }
    }
  }
};

template <typename E, typename R, typename F>
auto take_sums(const char* function, const std::vector<E>& e, const F& sparse, const R& r_) {
  using Result = stan::return_type_t<E, R>;
  const Residuals<Result, E> from(function, e);
  stan::math::check_size_match(function, "effects of F", sparse.entries.size(), "e", e.size());
  Kept<is_var<Result>, R> r(r_);
  const Eigen::MatrixXd effects = stan::math::value_of(r);
  Eigen::MatrixXd values = from.values();
  for (int k = 0; k < values.cols(); ++k) {
    sparse.take(k, effects, values.col(k).data(), values.rows());
  }
  return from.left(values, [sparse, r](int k, const auto& adjoint) mutable {
    Eigen::MatrixXd taken = Eigen::MatrixXd::Zero(r.rows(), r.cols());
    sparse.take_transposed(k, adjoint.data(), adjoint.size(), taken);
    add_adjoint(r, taken);
  });
}

}  // namespace hierglm

#endif
