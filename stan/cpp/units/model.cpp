// The half of a compiled program that has all but its log density through autodiff.

#include "density.hpp"

namespace hierglm {

/**
 * In place of Stan's model_base_crtp: the virtual functions of a model by its templates, but for
 * the log density through autodiff, which the other half has.
 *
 * Points that come as std::vector are copied, as each form would be compiled anew. For the same
 * reason that half has the forms alone that drop constants: to be added, they have no gradient.
 */
template <typename Model>
class ModelBase : public stan::model::model_base {
  using Vars = Eigen::Matrix<stan::math::var, -1, 1>;

  const Model& self() const { return static_cast<const Model&>(*this); }

 public:
  using stan::model::model_base::model_base;

#define HIERGLM_LOG_DENSITY(name, propto, jacobian)                                          \
  double name(Eigen::VectorXd& at, std::ostream* messages) const override {                  \
    return self().template log_prob<propto, jacobian>(at, messages);                         \
  }                                                                                          \
  stan::math::var name(Vars& at, std::ostream* messages) const override {                    \
    stan::math::var value = log_density<jacobian>(*this, at, messages);                      \
    if (!propto && std::isfinite(value.val())) {                                             \
      Eigen::VectorXd point = at.val();                                                      \
      value += name(point, messages) - value.val();                                          \
    }                                                                                        \
    return value;                                                                            \
  }                                                                                          \
  double name(std::vector<double>& at, std::vector<int>&, std::ostream* messages)            \
      const override {                                                                       \
    Eigen::VectorXd copy = Eigen::Map<Eigen::VectorXd>(at.data(), at.size());                \
    return name(copy, messages);                                                             \
  }                                                                                          \
  stan::math::var name(std::vector<stan::math::var>& at, std::vector<int>&,                  \
                       std::ostream* messages) const override {                              \
    Vars copy = Eigen::Map<Vars>(at.data(), at.size());                                      \
    return name(copy, messages);                                                             \
  }
  HIERGLM_LOG_DENSITY(log_prob, false, false)
  HIERGLM_LOG_DENSITY(log_prob_jacobian, false, true)
  HIERGLM_LOG_DENSITY(log_prob_propto, true, false)
  HIERGLM_LOG_DENSITY(log_prob_propto_jacobian, true, true)
#undef HIERGLM_LOG_DENSITY

  void write_array(stan::rng_t& random, Eigen::VectorXd& at, Eigen::VectorXd& values,
                   bool transformed, bool generated, std::ostream* messages) const override {
    self().write_array(random, at, values, transformed, generated, messages);
  }
  void write_array(stan::rng_t& random, std::vector<double>& at, std::vector<int>&,
                   std::vector<double>& values, bool transformed, bool generated,
                   std::ostream* messages) const override {
    Eigen::VectorXd copy = Eigen::Map<Eigen::VectorXd>(at.data(), at.size()), written;
    write_array(random, copy, written, transformed, generated, messages);
    values.assign(written.data(), written.data() + written.size());
  }

  void unconstrain_array(const Eigen::VectorXd& values, Eigen::VectorXd& at,
                         std::ostream* messages) const override {
    self().unconstrain_array(values, at, messages);
  }
  void unconstrain_array(const std::vector<double>& values, std::vector<double>& at,
                         std::ostream* messages) const override {
    self().unconstrain_array(values, at, messages);
  }
};

}  // namespace hierglm

namespace stan::model {
using hierglm::ModelBase;
}

#define model_base_crtp ModelBase
#include HIERGLM_PROGRAM
