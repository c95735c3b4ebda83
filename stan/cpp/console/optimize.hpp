#ifndef HIERGLM_CONSOLE_OPTIMIZE_HPP
#define HIERGLM_CONSOLE_OPTIMIZE_HPP

#include "run.hpp"

#include <stan/services/optimize/bfgs.hpp>
#include <stan/services/optimize/lbfgs.hpp>
#include <stan/services/optimize/newton.hpp>

#include <vector>

namespace console {

/** @tparam jacobian whether the density is that of the unconstrained parameters */
template <bool jacobian>
int optimize(Run& run, CsvWriter& path) {
  namespace services = stan::services::optimize;
  using Model = stan::model::model_base;
  const Argument& method = run.method();
  const Argument& algorithm = method["algorithm"];
  const stan::io::var_context& init = *run.inits.front();
  const int iterations = method["iter"].integer();
  const bool save = method["save_iterations"].flag();
  stan::callbacks::writer& init_writer = run.init_writers.front();
  const auto real = [&](const char* name) { return algorithm.taken()[name].real(); };

  if (algorithm.is("newton"))
    return services::newton<Model, jacobian>(run.model, init, run.seed, run.chains.first,
                                             run.init_radius, iterations, save, run.interrupt,
                                             run.logger, init_writer, path);
  if (algorithm.is("bfgs"))
    return services::bfgs<Model, jacobian>(
        run.model, init, run.seed, run.chains.first, run.init_radius, real("init_alpha"),
        real("tol_obj"), real("tol_rel_obj"), real("tol_grad"), real("tol_rel_grad"),
        real("tol_param"), iterations, save, run.refresh(), run.interrupt, run.logger,
        init_writer, path);
  return services::lbfgs<Model, jacobian>(
      run.model, init, run.seed, run.chains.first, run.init_radius,
      algorithm["lbfgs"]["history_size"].integer(), real("init_alpha"), real("tol_obj"),
      real("tol_rel_obj"), real("tol_grad"), real("tol_rel_grad"), real("tol_param"), iterations,
      save, run.refresh(), run.interrupt, run.logger, init_writer, path);
}

/** `method=optimize`: the last row written is the mode. */
inline int optimize(Run& run) {
  std::vector<CsvWriter> path = run.open_csv();
  return run.method()["jacobian"].flag() ? optimize<true>(run, path.front())
                                         : optimize<false>(run, path.front());
}

}  // namespace console

#endif
