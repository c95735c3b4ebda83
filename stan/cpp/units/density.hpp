// What the two halves of a compiled program know of each other.
//
// Most of a program's compile time goes into its log density through autodiff, and into the
// rest: data, values, names. They share little, so that two compilers side by side take little
// more than half the time of one: density.cpp and model.cpp read the same text from stanc.
#ifndef HIERGLM_UNITS_DENSITY_HPP
#define HIERGLM_UNITS_DENSITY_HPP

#include <stan/model/model_header.hpp>

namespace hierglm {

/** The log density of a program, whose only model is this one, without its constants. */
template <bool jacobian>
stan::math::var log_density(const stan::model::model_base& model,
                            Eigen::Matrix<stan::math::var, -1, 1>& at, std::ostream* messages);

}  // namespace hierglm

#endif
