// The half of a compiled program that has its log density through autodiff.

#include "density.hpp"

namespace hierglm {

/** In place of Stan's base class of models, which would have the other half compiled here too. */
template <typename Model>
class DensityBase : public stan::model::model_base {
 public:
  using stan::model::model_base::model_base;
};

}  // namespace hierglm

namespace stan::model {
using hierglm::DensityBase;
}

stan::math::profile_map& get_stan_profile_data();

namespace stan::math {

/** A profile of this half: kept with those of the other half, which Stan asks for. */
template <typename T>
class SharedProfile : public profile<T> {
 public:
  SharedProfile(const std::string& name, profile_map&)
      : profile<T>(name, get_stan_profile_data()) {}
};

}  // namespace stan::math

// The other half has the functions that Stan calls.
#define profile SharedProfile
#define USING_R
#define profiles__ profiles_of_density
#define model_base_crtp DensityBase
#include HIERGLM_PROGRAM

namespace hierglm {

template <bool jacobian>
stan::math::var log_density(const stan::model::model_base& model,
                            Eigen::Matrix<stan::math::var, -1, 1>& at, std::ostream* messages) {
  return static_cast<const stan_model&>(model).log_prob<true, jacobian>(at, messages);
}

template stan::math::var log_density<false>(const stan::model::model_base&,
                                            Eigen::Matrix<stan::math::var, -1, 1>&, std::ostream*);
template stan::math::var log_density<true>(const stan::model::model_base&,
                                           Eigen::Matrix<stan::math::var, -1, 1>&, std::ostream*);

}  // namespace hierglm
