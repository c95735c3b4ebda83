// Stan function conditional_effects: effects about their conditional means, and their density.
#ifndef HIERGLM_CONDITIONAL_EFFECTS_HPP
#define HIERGLM_CONDITIONAL_EFFECTS_HPP

#include "batch_operands.hpp"
#include "conditional.hpp"

namespace hierglm {

template <typename A_, typename Scale_, typename E_, typename Sigma, typename Z_>
Eigen::Matrix<stan::return_type_t<Scale_, E_, Sigma, Z_>, -1, -1> conditional_effects(
    const std::vector<A_>& A_vectors, const Scale_& S_, const std::vector<E_>& e_vectors,
    const Sigma& sigma_, const std::vector<Z_>& z_vectors, int J, std::ostream*) {
  constexpr bool slopes = is_var<stan::return_type_t<Scale_, E_, Sigma, Z_>>;
  const char* function = "conditional_effects";
  const int q = S_.rows(), batches = (J + batch - 1) / batch;
  stan::math::check_square(function, "S", S_);
  const Operand<slopes, A_> A(function, A_vectors, triangle(q), J);
  Operand<slopes, E_> e(function, e_vectors, q, J);
  Operand<slopes, Z_> z(function, z_vectors, q, J);
  Kept<slopes, Scale_> S_operand(S_);
  Kept<slopes, Eigen::MatrixXd> S_value = stan::math::value_of(S_operand);
  const double sigma = stan::math::value_of(sigma_);
  // A reverse pass needs every batch, draws one at a time.
  const std::ptrdiff_t size = Conditional::rows(q);
  Kept<slopes, Eigen::VectorXd> space(size * batch * (slopes ? batches : 1));
  Levels* blocks = reinterpret_cast<Levels*>(space.data());
  Eigen::MatrixXd r(J, q + 1);
  for (int i = 0; i < batches; ++i) {
    const Conditional at(q, blocks + (slopes ? i * size : 0));
    const int from = i * batch, n = std::min(batch, J - from);
    A.read(from, at.A);
    e.read(from, at.e);
    z.read(from, at.z);
    ConditionalBatch::found({q, S_value.data()}, sigma, at);
    for (int k = 0; k <= q; ++k) {
      r.col(k).segment(from, n) = Eigen::Map<const Eigen::VectorXd>(at.r[k], n);
    }
  }
  if constexpr (!slopes) {
    return r;
  } else {
    stan::arena_t<Eigen::Matrix<stan::math::var, -1, -1>> effects = r;
    stan::math::reverse_pass_callback([q, J, batches, size, blocks, effects, S_value, S_operand,
                                       sigma, sigma_, e, z]() mutable {
      std::vector<double> work(std::size_t(ConditionalAdjoint::rows(q)) * batch);
      const ConditionalAdjoint to(q, reinterpret_cast<Levels*>(work.data()));
      Eigen::MatrixXd S_adjoint = Eigen::MatrixXd::Zero(q, q);
      double sigma_adjoint = 0;
      for (int i = 0; i < batches; ++i) {
        const Conditional at(q, blocks + i * size);
        const int from = i * batch, n = std::min(batch, J - from);
        for (int k = 0; k <= q; ++k) {
          set(to.r[k], 0.0);
          for (int j = 0; j < n; ++j) {
            to.r[k][j] = effects(from + j, k).adj();
          }
        }
        ConditionalBatch::passed_back({q, S_value.data()}, sigma, at, to, S_adjoint.data(),
                                      sigma_adjoint);
        e.add_batch(from, to.e);
        z.add_batch(from, to.z);
      }
      add_adjoint(S_operand, S_adjoint);
      add_adjoint(sigma_, sigma_adjoint);
    });
    return Eigen::Matrix<stan::math::var, -1, -1>(effects);
  }
}

}  // namespace hierglm

using hierglm::conditional_effects;

#endif
