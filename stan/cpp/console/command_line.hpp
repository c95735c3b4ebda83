#ifndef HIERGLM_CONSOLE_COMMAND_LINE_HPP
#define HIERGLM_CONSOLE_COMMAND_LINE_HPP

#include "argument.hpp"

#include <stan/math/prim/core/init_threadpool_tbb.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace console {

/*
 * The arguments of CmdStan 2.37, in its order and with its defaults, as far as cmdstanpy
 * sends them or CmdStan writes them at the top of its files. Left out: static HMC,
 * several chains of generated quantities in one process, and lists of files.
 */

/** What L-BFGS and BFGS take; pathfinder climbs with the former. */
inline std::vector<Argument> line_search() {
  return {Argument::real("init_alpha", 0.001, positive()),
          Argument::real("tol_obj", 1e-12, at_least(0)),
          Argument::real("tol_rel_obj", 1e4, at_least(0)),
          Argument::real("tol_grad", 1e-8, at_least(0)),
          Argument::real("tol_rel_grad", 1e7, at_least(0)),
          Argument::real("tol_param", 1e-8, at_least(0))};
}

inline Argument sample_arguments() {
  const Range share{[](double x) { return x > 0.1 && x < 1; }, "between 0.1 and 1"};
  const Range jitter{[](double x) { return x >= 0 && x <= 1; }, "between 0 and 1"};
  const Argument adapt = Argument::group(
      "adapt",
      {Argument::flag("engaged", true), Argument::real("gamma", 0.05, positive()),
       Argument::real("delta", 0.8, share), Argument::real("kappa", 0.75, positive()),
       Argument::real("t0", 10, positive()), Argument::integer("init_buffer", 75, at_least(0)),
       Argument::integer("term_buffer", 50, at_least(0)),
       Argument::integer("window", 25, at_least(0)), Argument::flag("save_metric", false)});
  const Argument nuts = Argument::group("nuts", {Argument::integer("max_depth", 10, positive())});
  const Argument hmc = Argument::group(
      "hmc",
      {Argument::choice("engine", "nuts", {nuts}),
       Argument::choice(
           "metric", "diag_e",
           {Argument::mark("unit_e"), Argument::mark("diag_e"), Argument::mark("dense_e")}),
       Argument::text("metric_file", ""), Argument::real("stepsize", 1, positive()),
       Argument::real("stepsize_jitter", 0, jitter)});
  return Argument::group(
      "sample",
      {Argument::integer("num_samples", 1000, at_least(0)),
       Argument::integer("num_warmup", 1000, at_least(0)),
       Argument::flag("save_warmup", false), Argument::integer("thin", 1, positive()), adapt,
       Argument::choice("algorithm", "hmc", {hmc, Argument::mark("fixed_param")}),
       Argument::integer("num_chains", 1, positive())});
}

inline Argument optimize_arguments() {
  std::vector<Argument> limited = line_search();
  limited.push_back(Argument::integer("history_size", 5, positive()));
  return Argument::group(
      "optimize",
      {Argument::choice("algorithm", "lbfgs",
                        {Argument::group("bfgs", line_search()),
                         Argument::group("lbfgs", limited), Argument::group("newton", {})}),
       Argument::flag("jacobian", false), Argument::integer("iter", 2000, positive()),
       Argument::flag("save_iterations", false)});
}

inline Argument pathfinder_arguments() {
  std::vector<Argument> parts = line_search();
  for (Argument part :
       {Argument::integer("history_size", 5, positive()),
        Argument::integer("num_psis_draws", 1000, positive()),
        Argument::integer("num_paths", 4, positive()),
        Argument::flag("save_single_paths", false), Argument::flag("psis_resample", true),
        Argument::flag("calculate_lp", true),
        Argument::integer("max_lbfgs_iters", 1000, positive()),
        Argument::integer("num_draws", 1000, positive()),
        Argument::integer("num_elbo_draws", 25, positive())})
    parts.push_back(std::move(part));
  return Argument::group("pathfinder", std::move(parts));
}

inline Argument variational_arguments() {
  const Argument adapt = Argument::group(
      "adapt", {Argument::flag("engaged", true), Argument::integer("iter", 50, positive())});
  return Argument::group(
      "variational",
      {Argument::choice("algorithm", "meanfield",
                        {Argument::group("meanfield", {}), Argument::group("fullrank", {})}),
       Argument::integer("iter", 10000, positive()),
       Argument::integer("grad_samples", 1, positive()),
       Argument::integer("elbo_samples", 100, positive()),
       Argument::real("eta", 1, positive()), adapt,
       Argument::real("tol_rel_obj", 0.01, positive()),
       Argument::integer("eval_elbo", 100, positive()),
       Argument::integer("output_samples", 1000, positive())});
}

inline Argument laplace_arguments() {
  return Argument::group(
      "laplace",
      {Argument::text("mode", ""), Argument::flag("jacobian", true),
       Argument::integer("draws", 1000, positive()), Argument::flag("calculate_lp", true)});
}

inline Argument diagnose_arguments() {
  const Argument gradient = Argument::group(
      "gradient",
      {Argument::real("epsilon", 1e-6, positive()), Argument::real("error", 1e-6, positive())});
  return Argument::group("diagnose", {Argument::choice("test", "gradient", {gradient})});
}

inline Argument method_argument() {
  const Range one{[](double x) { return x == 1; }, "and only 1"};
  return Argument::choice(
      "method", "sample",
      {sample_arguments(), optimize_arguments(), variational_arguments(), diagnose_arguments(),
       Argument::group("generate_quantities", {Argument::text("fitted_params", ""),
                                               Argument::integer("num_chains", 1, one)}),
       pathfinder_arguments(),
       Argument::group("log_prob", {Argument::text("unconstrained_params", ""),
                                    Argument::text("constrained_params", ""),
                                    Argument::flag("jacobian", true)}),
       laplace_arguments()});
}

/** The seed of a run that is given none. */
inline long long seed_from_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count() & UINT32_MAX;
}

/** All arguments with their defaults; the number of threads may be set by the environment. */
inline Argument all_arguments() {
  const Range seed{[](double x) { return x >= 0 && x <= UINT32_MAX; }, "from 0 to 4294967295"};
  const Range threads{[](double x) { return x >= -1 && x != 0; }, "more than 0, or -1 for all"};
  const Range digits{[](double x) { return x >= -1 && x <= 18; }, "from -1 to 18"};
  const Argument output = Argument::group(
      "output",
      {Argument::text("file", "output.csv"), Argument::text("diagnostic_file", ""),
       Argument::integer("refresh", 100, at_least(0)), Argument::integer("sig_figs", 8, digits),
       Argument::text("profile_file", "profile.csv"),
       Argument::flag("save_cmdstan_config", false)});
  return Argument::group(
      "console",
      {method_argument(), Argument::integer("id", 1, at_least(0)),
       Argument::group("data", {Argument::text("file", "")}), Argument::text("init", "2"),
       Argument::group("random", {Argument::integer("seed", seed_from_clock(), seed)}), output,
       Argument::integer("num_threads", stan::math::internal::get_num_threads(), threads)});
}

/**
 * Reads a command line.
 *
 * @param words the arguments as given to the program, its own name left out
 * @throw usage_error if one is unknown, out of place or out of range, or none names a method
 */
inline Argument parse_command_line(std::vector<std::string> words) {
  Argument arguments = all_arguments();
  bool method = false;
  for (std::string& word : words) {
    if (!method && arguments["method"].offers(word))
      word = "method=" + word;
    method = method || word.rfind("method=", 0) == 0;
  }
  std::reverse(words.begin(), words.end());
  arguments.take(words);
  if (!words.empty()) {
    const std::string& word = words.back();
    std::string message = "\"" + word + "\" is either mistyped or misplaced.";
    for (const std::string& place : arguments.places(word.substr(0, word.find('='))))
      message += "\n  It may be written " + place;
    throw usage_error(message);
  }
  if (!method)
    throw usage_error("A method must be specified! One of sample, optimize, pathfinder, "
                      "variational, laplace, generate_quantities, log_prob, diagnose; or info.");
  return arguments;
}

}  // namespace console

#endif
