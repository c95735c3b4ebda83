#ifndef HIERGLM_CONSOLE_SAMPLE_HPP
#define HIERGLM_CONSOLE_SAMPLE_HPP

#include "run.hpp"

#include <stan/io/array_var_context.hpp>
#include <stan/services/sample/fixed_param.hpp>
#include <stan/services/sample/hmc_nuts_dense_e.hpp>
#include <stan/services/sample/hmc_nuts_dense_e_adapt.hpp>
#include <stan/services/sample/hmc_nuts_diag_e.hpp>
#include <stan/services/sample/hmc_nuts_diag_e_adapt.hpp>
#include <stan/services/sample/hmc_nuts_unit_e.hpp>
#include <stan/services/sample/hmc_nuts_unit_e_adapt.hpp>
#include <stan/services/util/create_unit_e_dense_inv_metric.hpp>
#include <stan/services/util/create_unit_e_diag_inv_metric.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace console {

/** The inverse metric at which each chain starts: from a file, or else the identity. */
inline std::vector<Context> inverse_metrics(const Run& run, const Argument& hmc) {
  namespace util = stan::services::util;
  if (!hmc["metric_file"].text().empty())
    return read_json(hmc["metric_file"].text(), run.chains);
  const std::size_t size = run.model.num_params_r();
  const auto identity = std::make_shared<stan::io::array_var_context>(
      hmc["metric"].is("dense_e") ? util::create_unit_e_dense_inv_metric(size)
                                  : util::create_unit_e_diag_inv_metric(size));
  return std::vector<Context>(run.chains.count, identity);
}

/** Draws with NUTS. */
inline int sample_hmc(Run& run, std::vector<CsvWriter>& draws,
                      std::vector<CsvWriter>& diagnostics, std::vector<JsonWriter>& metrics) {
  namespace services = stan::services::sample;
  const Argument& method = run.method();
  const Argument& hmc = method["algorithm"]["hmc"];
  const Argument& adapt = method["adapt"];
  const std::vector<Context> inverse = inverse_metrics(run, hmc);

  // Stan's services take some 25 arguments each, in runs that most of them share.
  const auto model = std::tie(run.model, run.chains.count, run.inits);
  const auto metric = std::tie(inverse);
  const auto settings = std::make_tuple(
      run.seed, run.chains.first, run.init_radius, method["num_warmup"].integer(),
      method["num_samples"].integer(), method["thin"].integer(), method["save_warmup"].flag(),
      run.refresh(), hmc["stepsize"].real(), hmc["stepsize_jitter"].real(),
      hmc["engine"]["nuts"]["max_depth"].integer());
  const auto step_size = std::make_tuple(adapt["delta"].real(), adapt["gamma"].real(),
                                         adapt["kappa"].real(), adapt["t0"].real());
  const auto windows
      = std::make_tuple(adapt["init_buffer"].integer(), adapt["term_buffer"].integer(),
                        adapt["window"].integer());
  const auto outputs = std::tie(run.interrupt, run.logger, run.init_writers, draws, diagnostics);
  const auto adapted = std::tuple_cat(outputs, std::tie(metrics));
  const auto call = [](const auto& service, const auto&... arguments) {
    return std::apply(service, std::tuple_cat(arguments...));
  };

  const std::string& shape = hmc["metric"].text();
  if (adapt["engaged"].flag()) {
    if (shape == "unit_e")
      return call([](auto&&... x) { return services::hmc_nuts_unit_e_adapt(x...); }, model,
                  settings, step_size, adapted);
    if (shape == "diag_e")
      return call([](auto&&... x) { return services::hmc_nuts_diag_e_adapt(x...); }, model,
                  metric, settings, step_size, windows, adapted);
    return call([](auto&&... x) { return services::hmc_nuts_dense_e_adapt(x...); }, model,
                metric, settings, step_size, windows, adapted);
  }
  if (shape == "unit_e")
    return call([](auto&&... x) { return services::hmc_nuts_unit_e(x...); }, model, settings,
                outputs);
  if (shape == "diag_e")
    return call([](auto&&... x) { return services::hmc_nuts_diag_e(x...); }, model, metric,
                settings, outputs);
  return call([](auto&&... x) { return services::hmc_nuts_dense_e(x...); }, model, metric,
              settings, outputs);
}

/** `method=sample`: several chains are threads of this process. */
inline int sample(Run& run) {
  const Argument& method = run.method();
  const Argument& adapt = method["adapt"];
  const bool fixed = method["algorithm"].is("fixed_param");
  if (!fixed && adapt["engaged"].flag() && method["num_warmup"].integer() == 0)
    throw std::invalid_argument("The number of warmup samples (num_warmup) must be greater than "
                                "zero if adaptation is enabled.");
  if (adapt["save_metric"].flag() && !adapt["engaged"].flag())
    throw std::invalid_argument("Saving the adapted metric (save_metric=1) can only be enabled "
                                "when adaptation is engaged (adapt engaged=1)");

  std::vector<CsvWriter> draws = run.open_csv();
  std::vector<CsvWriter> diagnostics = run.open_diagnostic_csv();
  std::vector<JsonWriter> metrics = adapt["save_metric"].flag()
                                        ? run.open_json(run.output()["file"].text(), "_metric")
                                        : run.closed<JsonWriter>();
  if (!fixed)
    return sample_hmc(run, draws, diagnostics, metrics);
  return stan::services::sample::fixed_param(
      run.model, run.chains.count, run.inits, run.seed, run.chains.first, run.init_radius,
      method["num_samples"].integer(), method["thin"].integer(), run.refresh(), run.interrupt,
      run.logger, run.init_writers, draws, diagnostics);
}

}  // namespace console

#endif
