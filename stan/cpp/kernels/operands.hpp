// What kernels share of Stan's autodiff.
#ifndef HIERGLM_OPERANDS_HPP
#define HIERGLM_OPERANDS_HPP

#include <stan/model/model_header.hpp>

namespace hierglm {

template <typename T>
constexpr bool is_var = stan::is_var<stan::scalar_type_t<T>>::value;

// What a kernel keeps: in the arena where a reverse pass will read it and then free it, else on
// the heap. Draws are written without one, and what lay in the arena would stay there.
template <bool slopes, typename T>
using Kept =
    std::conditional_t<slopes, stan::arena_t<stan::plain_type_t<T>>, stan::plain_type_t<T>>;

// Adds to the adjoint of an operand, if it has one.
template <typename Operand, typename Adjoint>
void add_adjoint(Operand& operand, const Adjoint& adjoint) {
  if constexpr (is_var<Operand>) {
    operand.adj() += adjoint;
  }
}

}  // namespace hierglm

#endif
