// Stan function crossed_products: e - F r, F dense.
#ifndef HIERGLM_CROSSED_PRODUCTS_HPP
#define HIERGLM_CROSSED_PRODUCTS_HPP

#include "residuals.hpp"

namespace hierglm {

template <typename E, typename Matrices, typename R>
auto crossed_products(const std::vector<E>& e, const std::vector<Matrices>& F, const R& r_,
                      std::ostream*) {
  using Result = stan::return_type_t<E, R>;
  const Residuals<Result, E> from("crossed_products", e);
  stan::math::check_size_match("crossed_products", "matrices of F", F.size(), "e", e.size());
  Kept<is_var<Result>, R> r(r_);
  const Eigen::MatrixXd effects = stan::math::value_of(r);
  const Eigen::Map<const Eigen::VectorXd> flat(effects.data(), effects.size());
  Eigen::MatrixXd values = from.values();
  for (std::size_t k = 0; k < F.size(); ++k) {
    values.col(k).noalias() -= F[k] * flat;
  }
  return from.left(values, [&F, r](int k, const auto& adjoint) mutable {
    const Eigen::VectorXd taken = -F[k].transpose() * adjoint;
    add_adjoint(r, Eigen::Map<const Eigen::MatrixXd>(taken.data(), r.rows(), r.cols()));
  });
}

}  // namespace hierglm

using hierglm::crossed_products;

#endif
