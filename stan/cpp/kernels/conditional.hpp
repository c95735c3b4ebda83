// Effects about their conditional means: the arithmetic of a batch of levels, and its adjoints.
#ifndef HIERGLM_CONDITIONAL_HPP
#define HIERGLM_CONDITIONAL_HPP

#include "batch.hpp"

namespace hierglm {

// A batch of levels: what is given, and what is found from it.
struct Conditional {
  Levels* A;
  Levels* e;
  Levels* z;
  Levels* AS;  // A S
  Levels* C;   // Cholesky factor of I + S' A S
  Levels* w;   // C^-1 S' e
  Levels* s;   // C^-T (w + sigma z)
  Levels* r;   // the effects S s, and behind them the log density

  static constexpr int rows(int q) { return 2 * triangle(q) + q * q + 5 * q + 1; }

  Conditional(int q, Levels* block)
      : A(block), e(A + triangle(q)), z(e + q), AS(z + q), C(AS + q * q), w(C + triangle(q)),
        s(w + q), r(s + q) {}
};

// Adjoints of a batch, from those of r.
struct ConditionalAdjoint {
  Levels* r;
  Levels* t;  // of w + sigma z, then of S' e
  Levels* z;
  Levels* e;
  Levels* C;  // of the factor, then of I + S' A S

  static constexpr int rows(int q) { return triangle(q) + 4 * q + 1; }

  ConditionalAdjoint(int q, Levels* block)
      : r(block), t(r + q + 1), z(t + q), e(z + q), C(e + q) {}
};

HIERGLM_INLINE void find(const Scale& S, double sigma, const Conditional& at) {
  const int q = S.q;
  precision(S, at.A, at.AS, at.C);
  cholesky(q, at.C);
  times_transposed(S, at.e, at.w);
  solve(q, at.C, at.w);
  for (int k = 0; k < q; ++k) {
    for (int j = 0; j < batch; ++j) {
      at.s[k][j] = at.w[k][j] + sigma * at.z[k][j];
    }
  }
  solve_transposed(q, at.C, at.s);
  times(S, at.s, at.r);
  Levels& density = at.r[q];
  set(density, 0.0);
  add_squares(q, -0.5 / (sigma * sigma), at.s, density);
  subtract_log_determinant(q, at.C, density);
}

// Adds up the adjoints of S and sigma.
HIERGLM_INLINE void pass_back(const Scale& S, double sigma, const Conditional& at,
                              const ConditionalAdjoint& to, double* S_adjoint,
                              double& sigma_adjoint) {
  const int q = S.q;
  const Levels& density = to.r[q];
  add_outer(q, to.r, at.s, S_adjoint);
  times_transposed(S, to.r, to.t);
  for (int k = 0; k < triangle(q); ++k) {
    set(to.C[k], 0.0);
  }
  const double over = 1 / (sigma * sigma);
  for (int k = 0; k < q; ++k) {
    for (int j = 0; j < batch; ++j) {
      const double along = over * density[j] * at.s[k][j];
      to.t[k][j] -= along;
      to.z[k][j] = along;
    }
    sigma_adjoint += dot(to.z[k], at.s[k]) / sigma;
    subtract(to.C[packed(k, k)], density, at.C[packed(k, k)]);
  }
  solve(q, at.C, to.t);
  subtract_outer(q, at.s, to.t, to.C);
  for (int k = 0; k < q; ++k) {
    sigma_adjoint += dot(to.t[k], at.z[k]);
    set(to.z[k], 0.0);
    add(to.z[k], sigma, to.t[k]);
  }
  solve_transposed(q, at.C, to.t);
  subtract_outer(q, to.t, at.w, to.C);
  add_outer(q, at.e, to.t, S_adjoint);
  times(S, to.t, to.e);
  cholesky_adjoint(q, at.C, to.C);
  precision_adjoint(S, at.AS, to.C, S_adjoint, nullptr);
}

// Both as they were compiled for this machine.
struct ConditionalBatch {
  HIERGLM_FOR_EACH_MACHINE(found, find, (const Scale& S, double sigma, const Conditional& at),
                           (S, sigma, at))
  HIERGLM_FOR_EACH_MACHINE(passed_back, pass_back,
                           (const Scale& S, double sigma, const Conditional& at,
                            const ConditionalAdjoint& to, double* S_adjoint,
                            double& sigma_adjoint),
                           (S, sigma, at, to, S_adjoint, sigma_adjoint))
};

}  // namespace hierglm

#endif
