#ifndef HIERGLM_CONSOLE_LAPLACE_HPP
#define HIERGLM_CONSOLE_LAPLACE_HPP

#include "fitted.hpp"
#include "run.hpp"

#include <stan/services/optimize/laplace_sample.hpp>

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace console {

/** The mode that `method=optimize` found, on the unconstrained scale: its last row. */
inline Eigen::VectorXd read_mode(const std::string& name, const stan::model::model_base& model) {
  const Eigen::MatrixXd path = read_fitted(name, model, "optimize");
  const Eigen::VectorXd constrained = path.row(path.rows() - 1);
  Eigen::VectorXd mode(model.num_params_r());
  std::stringstream said;
  model.unconstrain_array(constrained, mode, &said);
  return mode;
}

/** `method=laplace`: draws from the normal approximation about a mode. */
inline int laplace(Run& run) {
  const Argument& method = run.method();
  const std::string& file = method["mode"].text();
  if (file.empty())
    throw std::invalid_argument("Missing mode argument, cannot get laplace sample without "
                                "parameter estimates theta-hat");
  const Eigen::VectorXd mode = read_mode(file, run.model);
  const std::string& details = run.output()["diagnostic_file"].text();
  std::vector<CsvWriter> draws = run.open_csv();
  std::vector<JsonWriter> hessian
      = details.empty() ? run.closed<JsonWriter>() : run.open_json(details);
  const auto call = [&](const auto& service) {
    return service(run.model, mode, method["draws"].integer(), method["calculate_lp"].flag(),
                   run.seed, run.refresh(), run.interrupt, run.logger, draws.front(),
                   hessian.front());
  };
  return method["jacobian"].flag()
             ? call([](auto&&... x) { return stan::services::laplace_sample<true>(x...); })
             : call([](auto&&... x) { return stan::services::laplace_sample<false>(x...); });
}

}  // namespace console

#endif
