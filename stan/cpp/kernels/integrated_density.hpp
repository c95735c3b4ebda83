// Stan function integrated_density: effects of a Gaussian response integrated out.
#ifndef HIERGLM_INTEGRATED_DENSITY_HPP
#define HIERGLM_INTEGRATED_DENSITY_HPP

#include "batch_operands.hpp"

namespace hierglm {

// A batch of levels: what is given, what is found from it, and adjoints of a density of weight 1.
struct Integrated {
  Levels* A;
  Levels* e;
  Levels* AS;  // A S
  Levels* C;   // Cholesky factor of I + S' A S
  Levels* w;   // C^-1 S' e
  Levels* v;   // adjoints of S' e
  Levels* C_adjoint;
  Levels* A_adjoint;
  Levels* e_adjoint;
  Levels* density;

  static constexpr int rows(int q) { return 4 * triangle(q) + q * q + 4 * q + 1; }

  Integrated(int q, Levels* block)
      : A(block), e(A + triangle(q)), AS(e + q), C(AS + q * q), w(C + triangle(q)), v(w + q),
        C_adjoint(v + q), A_adjoint(C_adjoint + triangle(q)), e_adjoint(A_adjoint + triangle(q)),
        density(e_adjoint + q) {}
};

// Adds up value and adjoints; those of A and e stay in the batch.
HIERGLM_INLINE void integrate(const Scale& S, double sigma, bool slopes, const Integrated& at,
                              double& value, double* S_adjoint, double& sigma_adjoint) {
  const int q = S.q;
  const double over = 1 / (sigma * sigma);
  precision(S, at.A, at.AS, at.C);
  cholesky(q, at.C);
  times_transposed(S, at.e, at.w);
  solve(q, at.C, at.w);
  double squares = 0;
  for (int k = 0; k < q; ++k) {
    squares += dot(at.w[k], at.w[k]);
  }
  set(*at.density, 0.0);
  subtract_log_determinant(q, at.C, *at.density);
  Levels ones;
  set(ones, 1.0);
  value += 0.5 * over * squares + dot(*at.density, ones);
  if (!slopes) {
    return;
  }
  sigma_adjoint -= over * squares / sigma;
  for (int k = 0; k < q; ++k) {
    set(at.v[k], 0.0);
    add(at.v[k], over, at.w[k]);
  }
  solve_transposed(q, at.C, at.v);
  for (int k = 0; k < triangle(q); ++k) {
    set(at.C_adjoint[k], 0.0);
    set(at.A_adjoint[k], 0.0);
  }
  for (int k = 0; k < q; ++k) {
    add(at.C_adjoint[packed(k, k)], -1.0, at.C[packed(k, k)]);
  }
  subtract_outer(q, at.v, at.w, at.C_adjoint);
  add_outer(q, at.e, at.v, S_adjoint);
  times(S, at.v, at.e_adjoint);
  cholesky_adjoint(q, at.C, at.C_adjoint);
  precision_adjoint(S, at.AS, at.C_adjoint, S_adjoint, at.A_adjoint);
}

// As it was compiled for this machine.
struct IntegratedBatch {
  HIERGLM_FOR_EACH_MACHINE(integrated, integrate,
                           (const Scale& S, double sigma, bool slopes, const Integrated& at,
                            double& value, double* S_adjoint, double& sigma_adjoint),
                           (S, sigma, slopes, at, value, S_adjoint, sigma_adjoint))
};

template <typename A_, typename Scale_, typename E_, typename Sigma>
stan::return_type_t<A_, Scale_, E_, Sigma> integrated_density(
    const std::vector<A_>& A_vectors, const Scale_& S_, const std::vector<E_>& e_vectors,
    const Sigma& sigma_, int J, std::ostream*) {
  constexpr bool slopes = is_var<stan::return_type_t<A_, Scale_, E_, Sigma>>;
  const char* function = "integrated_density";
  stan::math::check_square(function, "S", S_);
  const int q = S_.rows();
  Operand<slopes, A_> A(function, A_vectors, triangle(q), J);
  Operand<slopes, E_> e(function, e_vectors, q, J);
  Kept<slopes, Scale_> S_operand(S_);
  const Eigen::MatrixXd S = stan::math::value_of(S_operand);
  const double sigma = stan::math::value_of(sigma_);
  std::vector<double> work(std::size_t(Integrated::rows(q)) * batch);
  const Integrated at(q, reinterpret_cast<Levels*>(work.data()));
  Kept<slopes, Eigen::MatrixXd> S_adjoint = Eigen::MatrixXd::Zero(q, q);
  Kept<slopes, Eigen::MatrixXd> A_adjoint(is_var<A_> ? J : 0, triangle(q));
  Kept<slopes, Eigen::MatrixXd> e_adjoint(is_var<E_> ? J : 0, q);
  double value = 0, sigma_adjoint = 0;
  for (int from = 0; from < J; from += batch) {
    A.read(from, at.A);
    e.read(from, at.e);
    IntegratedBatch::integrated({q, S.data()}, sigma, slopes, at, value, S_adjoint.data(),
                                sigma_adjoint);
    A.keep(from, at.A_adjoint, A_adjoint);
    e.keep(from, at.e_adjoint, e_adjoint);
  }
  if constexpr (!slopes) {
    return value;
  } else {
    return stan::math::make_callback_var(
        value, [A, e, S_operand, sigma_, A_adjoint, e_adjoint, S_adjoint,
                sigma_adjoint](auto& node) mutable {
          const double by = node.adj();
          A.add_adjoints(by, A_adjoint);
          e.add_adjoints(by, e_adjoint);
          add_adjoint(S_operand, by * S_adjoint);
          add_adjoint(sigma_, by * sigma_adjoint);
        });
  }
}

}  // namespace hierglm

using hierglm::integrated_density;

#endif
