// Rows of a response in Stan's autodiff: one node, whose slopes are known once it has its value.
#ifndef HIERGLM_ROWS_DENSITY_HPP
#define HIERGLM_ROWS_DENSITY_HPP

#include "operands.hpp"
#include "rows.hpp"

namespace hierglm {

// Returns the log likelihood, up to a constant.
//
// y's size and the sizes of all that has a row must agree; level, J and M have an entry a group
// term. `scale` is a parameter that the likelihood has taken already, or a constant.
template <typename Likelihood, typename Scale, typename Alpha, typename Columns, typename B,
          typename Offset, typename Effects, typename U>
stan::return_type_t<Scale, Alpha, B, U> rows_density(
    const char* function, const Likelihood& likelihood, std::size_t rows, const Scale& scale,
    const Alpha& alpha, const Columns& X_, const B& b_, const Offset& offset_, const Effects& Z_,
    const std::vector<std::vector<int>>& level, const std::vector<int>& J,
    const std::vector<int>& M, const U& u_) {
  using stan::math::check_size_match;
  const Eigen::Ref<const Eigen::MatrixXd> X(X_), Z(Z_);
  const Eigen::Ref<const Eigen::VectorXd> offset(offset_);
  constexpr bool slopes = is_var<stan::return_type_t<Scale, Alpha, B, U>>;
  Kept<slopes, B> b_operand(b_);
  Kept<slopes, U> u_operand(u_);
  const Eigen::VectorXd b = stan::math::value_of(b_operand);
  const Eigen::VectorXd u = stan::math::value_of(u_operand);
  check_size_match(function, "rows of X", X.rows(), "the response", rows);
  check_size_match(function, "columns of X", X.cols(), "b", b.size());
  check_size_match(function, "rows of Z", Z.rows(), "the response", rows);
  check_size_match(function, "terms of J", J.size(), "level", level.size());
  check_size_match(function, "terms of M", M.size(), "level", level.size());

  Predictor p{static_cast<int>(rows), static_cast<int>(X.cols()), stan::math::value_of(alpha),
              X.data(), b.data(), nullptr, {}, u.data()};
  if (offset.size() > 0) {
    check_size_match(function, "offset", offset.size(), "the response", rows);
    p.offset = offset.data();
  }
  std::ptrdiff_t start = 0, column = 0;
  for (std::size_t k = 0; k < level.size(); ++k) {
    check_size_match(function, "levels of rows", level[k].size(), "the response", rows);
    p.terms.push_back({level[k].data(), J[k], M[k], Z.data() + column * Z.rows(), start});
    start += std::ptrdiff_t(J[k]) * M[k];
    column += M[k];
  }
  check_size_match(function, "columns of Z", Z.cols(), "effects of all terms", column);
  check_size_match(function, "u", u.size(), "effects of all levels", start);

  const std::vector<Chunk> chunks = sum_all(likelihood, p, slopes);
  double value = 0;
  for (const Chunk& chunk : chunks) {
    value += chunk.value;
  }
  if constexpr (!slopes) {
    return value;
  } else {
    double along_alpha = 0, along_scale = 0;
    stan::arena_t<Eigen::VectorXd> along_b = Eigen::VectorXd::Zero(b.size());
    stan::arena_t<Eigen::VectorXd> along_u = Eigen::VectorXd::Zero(u.size());
    for (const Chunk& chunk : chunks) {
      along_alpha += chunk.slopes.alpha;
      along_scale += chunk.scale;
      along_b += Eigen::Map<const Eigen::VectorXd>(chunk.slopes.b.data(), b.size());
      for (std::size_t k = 0; k < p.terms.size(); ++k) {
        const Slopes::Effects& part = chunk.slopes.terms[k];
        for (int m = 0; m < M[k]; ++m) {
          const std::ptrdiff_t first = p.terms[k].start + std::ptrdiff_t(m) * J[k];
          along_u.segment(first + part.lowest - 1, part.span) += Eigen::Map<const Eigen::VectorXd>(
              part.u.data() + std::ptrdiff_t(m) * part.span, part.span);
        }
      }
    }
    return stan::math::make_callback_var(
        value, [alpha, scale, b_operand, u_operand, along_alpha, along_scale, along_b,
                along_u](auto& node) mutable {
          add_adjoint(alpha, node.adj() * along_alpha);
          add_adjoint(scale, node.adj() * along_scale);
          add_adjoint(b_operand, node.adj() * along_b);
          add_adjoint(u_operand, node.adj() * along_u);
        });
  }
}

}  // namespace hierglm

#endif
