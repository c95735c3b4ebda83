// Stan function level_residuals: c - B d.
#ifndef HIERGLM_LEVEL_RESIDUALS_HPP
#define HIERGLM_LEVEL_RESIDUALS_HPP

#include "residuals.hpp"

namespace hierglm {

template <typename C, typename Matrices, typename D>
auto level_residuals(const std::vector<C>& c, const std::vector<Matrices>& B, const D& d_,
                     std::ostream*) {
  using Result = stan::return_type_t<C, D>;
  const Residuals<Result, C> from("level_residuals", c);
  stan::math::check_size_match("level_residuals", "matrices of B", B.size(), "c", c.size());
  Kept<is_var<Result>, D> d(d_);
  Eigen::MatrixXd values = from.values();
  for (std::size_t k = 0; k < c.size(); ++k) {
    values.col(k).noalias() -= B[k] * stan::math::value_of(d);
  }
  return from.left(values, [&B, d](int k, const auto& adjoint) mutable {
    add_adjoint(d, -B[k].transpose() * adjoint);
  });
}

}  // namespace hierglm

using hierglm::level_residuals;

#endif
