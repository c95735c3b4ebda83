#ifndef HIERGLM_CONSOLE_VARIATIONAL_HPP
#define HIERGLM_CONSOLE_VARIATIONAL_HPP

#include "run.hpp"

#include <stan/services/experimental/advi/fullrank.hpp>
#include <stan/services/experimental/advi/meanfield.hpp>

#include <tuple>
#include <vector>

namespace console {

/** `method=variational`: the first row written is the mean, draws follow. */
inline int variational(Run& run) {
  namespace services = stan::services::experimental::advi;
  const Argument& method = run.method();
  const auto integer = [&](const char* name) { return method[name].integer(); };
  std::vector<CsvWriter> draws = run.open_csv();
  std::vector<CsvWriter> diagnostics = run.open_diagnostic_csv();
  const auto call = [&](const auto& service) {
    return service(run.model, *run.inits.front(), run.seed, run.chains.first, run.init_radius,
                   integer("grad_samples"), integer("elbo_samples"), integer("iter"),
                   method["tol_rel_obj"].real(), method["eta"].real(),
                   method["adapt"]["engaged"].flag(), method["adapt"]["iter"].integer(),
                   integer("eval_elbo"), integer("output_samples"), run.interrupt, run.logger,
                   run.init_writers.front(), draws.front(), diagnostics.front());
  };
  return method["algorithm"].is("fullrank")
             ? call([](auto&&... x) { return services::fullrank(x...); })
             : call([](auto&&... x) { return services::meanfield(x...); });
}

}  // namespace console

#endif
