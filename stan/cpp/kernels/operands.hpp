// What kernels share of Stan's autodiff.
#ifndef HIERGLM_OPERANDS_HPP
#define HIERGLM_OPERANDS_HPP

#include <stan/model/model_header.hpp>

namespace hierglm {

template <typename T>
constexpr bool is_var = stan::is_var_v<stan::scalar_type_t<T>>;

// Adds to the adjoint of an operand, if it has one.
template <typename Operand, typename Adjoint>
void add_adjoint(Operand& operand, const Adjoint& adjoint) {
  if constexpr (is_var<Operand>) {
    operand.adj() += adjoint;
  }
}

}  // namespace hierglm

#endif
