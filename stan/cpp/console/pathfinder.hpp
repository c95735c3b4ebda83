#ifndef HIERGLM_CONSOLE_PATHFINDER_HPP
#define HIERGLM_CONSOLE_PATHFINDER_HPP

#include "run.hpp"

#include <stan/services/pathfinder/multi.hpp>
#include <stan/services/pathfinder/single.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace console {

/**
 * `method=pathfinder`: the paths, as many as `num_paths`, are threads of this process.
 *
 * With `save_single_paths=1` the draws of each path, and its optimisation as JSON, go to files
 * of their own: `fit_path_1.csv`, `fit_path_1.json` beside `fit.csv`.
 */
inline int pathfinder(Run& run) {
  namespace services = stan::services::pathfinder;
  const Argument& method = run.method();
  const auto integer = [&](const char* name) { return method[name].integer(); };
  const auto real = [&](const char* name) { return method[name].real(); };
  const std::size_t paths = run.chains.count;
  if (run.model.num_params_r() == 0)
    throw std::invalid_argument("Model has 0 parameters, cannot run Pathfinder.");
  if (integer("num_psis_draws") > integer("num_draws") * static_cast<int>(paths))
    run.logger.warn("Warning: Number of PSIS draws is larger than the total number of draws "
                    "returned by the single Pathfinders. This is likely unintentional and leads "
                    "to re-sampling from the same draws.");

  const bool save = method["save_single_paths"].flag();
  const bool calculate_lp = method["calculate_lp"].flag();
  const std::string& file = run.output()["file"].text();

  if (paths == 1) {
    std::vector<CsvWriter> draws = run.open_csv();
    std::vector<JsonWriter> steps = save ? run.open_json(file) : run.closed<JsonWriter>();
    return services::pathfinder_lbfgs_single(
        run.model, *run.inits.front(), run.seed, run.chains.first, run.init_radius,
        integer("history_size"), real("init_alpha"), real("tol_obj"), real("tol_rel_obj"),
        real("tol_grad"), real("tol_rel_grad"), real("tol_param"), integer("max_lbfgs_iters"),
        integer("num_elbo_draws"), integer("num_draws"), save, run.refresh(), run.interrupt,
        run.logger, run.init_writers.front(), draws.front(), steps.front(), calculate_lp);
  }

  std::vector<CsvWriter> single
      = save ? run.open_csv(run.chains, "_path") : run.closed<CsvWriter>();
  std::vector<JsonWriter> steps = save ? run.open_json(file, "_path") : run.closed<JsonWriter>();
  std::vector<CsvWriter> draws = run.open_csv({1, run.chains.first});
  JsonWriter nothing;
  return services::pathfinder_lbfgs_multi(
      run.model, run.inits, run.seed, run.chains.first, run.init_radius, integer("history_size"),
      real("init_alpha"), real("tol_obj"), real("tol_rel_obj"), real("tol_grad"),
      real("tol_rel_grad"), real("tol_param"), integer("max_lbfgs_iters"),
      integer("num_elbo_draws"), integer("num_draws"), integer("num_psis_draws"),
      static_cast<int>(paths), save, run.refresh(), run.interrupt, run.logger, run.init_writers,
      single, steps, draws.front(), nothing, calculate_lp, method["psis_resample"].flag());
}

}  // namespace console

#endif
