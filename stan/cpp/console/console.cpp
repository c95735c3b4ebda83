/*
 * The main program of a compiled Stan model, where there is no CmdStan to provide one.
 *
 * It reads the command line that cmdstanpy writes for CmdStan's programs and writes the files
 * that cmdstanpy reads; what it says and writes follows CmdStan's own program, so that the same
 * seed gives the same draws in the same format. The work is done by stan::services. It is
 * compiled once and linked with each model, which is known only by the two functions below.
 */

#include "argument.hpp"
#include "command_line.hpp"
#include "config.hpp"
#include "evaluate.hpp"
#include "files.hpp"
#include "laplace.hpp"
#include "optimize.hpp"
#include "pathfinder.hpp"
#include "run.hpp"
#include "sample.hpp"
#include "variational.hpp"

#include <stan/callbacks/stream_writer.hpp>
#include <stan/math/prim/core/init_threadpool_tbb.hpp>
#include <stan/math/rev/core/profiling.hpp>
#include <stan/model/model_base.hpp>
#include <stan/services/error_codes.hpp>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

// Defined in what stanc makes of each model.
stan::model::model_base& new_model(stan::io::var_context& data, unsigned int seed,
                                   std::ostream* messages);
stan::math::profile_map& get_stan_profile_data();

namespace console {

/** How many chains or paths run in this process, and the number of the first. */
Chains chains_of(const Argument& arguments) {
  const Argument& method = arguments["method"];
  const char* count = method.is("sample") ? "num_chains" : "num_paths";
  const bool several = method.is("sample") || method.is("pathfinder");
  return {several ? static_cast<std::size_t>(method.taken()[count].integer()) : 1,
          static_cast<unsigned int>(arguments["id"].integer())};
}

/** Where to start: in a cube about 0 (`init=2`), or at the values of a file. */
void read_init(const std::string& init, Run& run) {
  char* rest = nullptr;
  const double radius = std::strtod(init.c_str(), &rest);
  const bool number = rest != init.c_str() && *rest == '\0';
  if (number && !(radius >= 0))
    throw usage_error("\"" + init + "\" is not a valid value for \"init\"\n  Valid values: 0 or "
                      "more, or a JSON file");
  if (number)
    run.init_radius = radius;
  run.inits = read_json(number ? "" : init, run.chains);
}

/** Times of the profiled sections of the model, if there are any. */
void write_profile(const Argument& output, const stan::math::profile_map& profile) {
  if (profile.empty())
    return;
  const auto file = open_output(output["profile_file"].text(), output["sig_figs"].integer());
  *file << "name,thread_id,total_time,forward_time,reverse_time,chain_stack,no_chain_stack,"
           "autodiff_calls,no_autodiff_calls\n";
  for (const auto& [key, section] : profile)
    *file << key.first << ',' << key.second << ','
          << section.get_fwd_time() + section.get_rev_time() << ',' << section.get_fwd_time()
          << ',' << section.get_rev_time() << ',' << section.get_chain_stack_used() << ','
          << section.get_nochain_stack_used() << ',' << section.get_num_rev_passes() << ','
          << section.get_num_no_AD_fwd_passes() << '\n';
}

int run_method(Run& run) {
  static const std::map<std::string, int (*)(Run&)> methods{
      {"sample", sample},           {"optimize", optimize},
      {"pathfinder", pathfinder},   {"variational", variational},
      {"laplace", laplace},         {"generate_quantities", generate_quantities},
      {"log_prob", log_prob},       {"diagnose", diagnose}};
  return methods.at(run.arguments["method"].text())(run);
}

int main(const std::vector<std::string>& words) {
  stan::callbacks::stream_writer say(std::cout);
  if (words.size() == 1 && words.front() == "info") {
    write_info(say);
    return EXIT_SUCCESS;
  }
  const Argument arguments = parse_command_line(words);
  stan::math::init_threadpool_tbb(arguments["num_threads"].integer());
  arguments.write_parts(say);
  say();

  const Context data = read_json(arguments["data"]["file"].text());
  const auto seed = static_cast<unsigned int>(arguments["random"]["seed"].integer());
  stan::model::model_base& model = new_model(*data, seed, &std::cout);
  Run run{arguments, model, seed, chains_of(arguments), 2.0, {}};
  read_init(arguments["init"].text(), run);
  const Argument& output = arguments["output"];
  if (output["save_cmdstan_config"].flag()) {
    const auto names = chain_files(output["file"].text(), "_config", ".json", {1, 1});
    JsonWriter json(open_output(names.front(), output["sig_figs"].integer()));
    Config{arguments, model}.write(json);
  }
  const int code = run_method(run);
  write_profile(output, get_stan_profile_data());
  return code == stan::services::error_codes::OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace console

int main(int count, char** words) {
  try {
    return console::main({words + 1, words + count});
  } catch (const console::usage_error& error) {
    std::cerr << error.what() << "\nFailed to parse command arguments, cannot run model."
              << std::endl;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
  }
  return EXIT_FAILURE;
}
