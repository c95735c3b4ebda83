#ifndef HIERGLM_CONSOLE_EVALUATE_HPP
#define HIERGLM_CONSOLE_EVALUATE_HPP

#include "fitted.hpp"
#include "run.hpp"

#include <stan/model/log_prob_grad.hpp>
#include <stan/services/diagnose/diagnose.hpp>
#include <stan/services/error_codes.hpp>
#include <stan/services/sample/standalone_gqs.hpp>

#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace console {

/** `method=generate_quantities`: the block of that name, once for each draw of a fit. */
inline int generate_quantities(Run& run) {
  const std::string& file = run.method()["fitted_params"].text();
  if (file.empty())
    throw std::invalid_argument("Missing fitted_params argument, cannot run generate_quantities "
                                "without fitted sample.");
  const Eigen::MatrixXd draws = read_fitted(file, run.model);
  std::vector<CsvWriter> quantities = run.open_csv();
  return stan::services::standalone_generate(run.model, draws, run.seed, run.interrupt,
                                             run.logger, quantities.front());
}

/** The points of a JSON file with the vector, or the array of vectors, `params_r`. */
inline std::vector<std::vector<double>> read_unconstrained(const std::string& name,
                                                           const stan::model::model_base& model) {
  const Context file = read_json(name);
  const std::vector<double> values = file->vals_r("params_r");
  const std::vector<std::size_t> dims = file->dims_r("params_r");
  if (values.empty())
    throw std::invalid_argument("Unconstrained parameters file has no variable 'params_r' with "
                                "unconstrained parameter values!");
  const std::size_t rows = dims.size() == 2 ? dims[0] : 1;
  const std::size_t columns = values.size() / rows;
  if (columns != model.num_params_r())
    throw std::invalid_argument(
        "Incorrect number of unconstrained parameters provided! Model has "
        + std::to_string(model.num_params_r()) + " parameters but " + std::to_string(columns)
        + " were found.");
  // Stan reads arrays with the first index fastest.
  std::vector<std::vector<double>> points(rows, std::vector<double>(columns));
  for (std::size_t i = 0; i < values.size(); ++i)
    points[i % rows][i / rows] = values[i];
  return points;
}

/** The point of a JSON file with a value for each parameter, unconstrained. */
inline std::vector<double> read_constrained(const std::string& name,
                                            const stan::model::model_base& model) {
  const Context file = read_json(name);
  std::vector<double> point(model.num_params_r());
  std::vector<int> no_integers;
  std::stringstream said;
  try {
    model.transform_inits(*file, no_integers, point, &said);
  } catch (const std::exception& error) {
    throw std::invalid_argument("Bad or missing parameter values, cannot unconstrain.\n"
                                + said.str() + error.what());
  }
  return point;
}

/** `method=log_prob`: log density and gradient at one or more points, a row for each. */
inline int log_prob(Run& run) {
  const Argument& method = run.method();
  const std::string& unconstrained = method["unconstrained_params"].text();
  const std::string& constrained = method["constrained_params"].text();
  if (unconstrained.empty() == constrained.empty())
    throw std::invalid_argument(
        unconstrained.empty()
            ? "No input parameter files provided, cannot calculate log probability density."
            : "Cannot specify both input files of both constrained and unconstrained parameter "
              "values.");
  std::vector<std::vector<double>> points;
  if (constrained.empty())
    points = read_unconstrained(unconstrained, run.model);
  else
    points.push_back(read_constrained(constrained, run.model));

  std::vector<CsvWriter> writers = run.open_csv();
  CsvWriter& table = writers.front();
  std::vector<std::string> names;
  run.model.unconstrained_param_names(names, false, false);
  for (std::string& name : names)
    name = "g_" + name;
  names.insert(names.begin(), "lp__");
  table(names);

  using stan::model::log_prob_grad;
  std::vector<int> no_integers;
  try {
    for (std::vector<double>& point : points) {
      std::vector<double> row;
      const double lp = method["jacobian"].flag()
                            ? log_prob_grad<true, true>(run.model, point, no_integers, row)
                            : log_prob_grad<true, false>(run.model, point, no_integers, row);
      row.insert(row.begin(), lp);
      table(row);
    }
  } catch (const std::exception& error) {
    run.logger.error(std::string("Error during log_prob calculation:\n") + error.what());
    return stan::services::error_codes::SOFTWARE;
  }
  return stan::services::error_codes::OK;
}

/** `method=diagnose`: the gradient against finite differences. */
inline int diagnose(Run& run) {
  const Argument& gradient = run.method()["test"]["gradient"];
  std::vector<CsvWriter> table = run.open_csv();
  return stan::services::diagnose::diagnose(
      run.model, *run.inits.front(), run.seed, run.chains.first, run.init_radius,
      gradient["epsilon"].real(), gradient["error"].real(), run.interrupt, run.logger,
      run.init_writers.front(), table.front());
}

}  // namespace console

#endif
