#ifndef HIERGLM_CONSOLE_RUN_HPP
#define HIERGLM_CONSOLE_RUN_HPP

#include "argument.hpp"
#include "config.hpp"
#include "files.hpp"

#include <stan/callbacks/interrupt.hpp>
#include <stan/callbacks/stream_logger.hpp>
#include <stan/callbacks/writer.hpp>
#include <stan/model/model_base.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace console {

/**
 * What every method is given: the model with its data, where to start, whom to tell.
 *
 * A method opens its output files through here, so that each begins with what was asked.
 */
struct Run {
  const Argument& arguments;
  stan::model::model_base& model;
  unsigned int seed;
  Chains chains;
  double init_radius;
  std::vector<Context> inits;

  stan::callbacks::interrupt interrupt{};
  stan::callbacks::stream_logger logger{std::cout, std::cout, std::cout, std::cerr, std::cerr};
  /** Of initial values, which nobody asks for. */
  std::vector<stan::callbacks::writer> init_writers{chains.count};

  /** The arguments of the method. */
  const Argument& method() const { return arguments["method"].taken(); }

  const Argument& output() const { return arguments["output"]; }
  int refresh() const { return output()["refresh"].integer(); }
  int digits() const { return output()["sig_figs"].integer(); }

  /** The CSV files of draws: one for each of the chains. */
  std::vector<CsvWriter> open_csv(Chains of, const std::string& tag = "") const {
    const std::string& name = output()["file"].text();
    auto writers
        = open_writers<CsvWriter>(chain_files(name, tag, ".csv", of), digits(), "# ");
    for (CsvWriter& writer : writers)
      Config{arguments, model}.write(writer);
    return writers;
  }

  std::vector<CsvWriter> open_csv() const { return open_csv(chains); }

  /** The CSV files of unconstrained draws, of momenta and the like, if they are asked for. */
  std::vector<CsvWriter> open_diagnostic_csv() const {
    const std::string& name = output()["diagnostic_file"].text();
    if (name.empty())
      return closed<CsvWriter>();
    auto writers
        = open_writers<CsvWriter>(chain_files(name, "", ".csv", chains), digits(), "# ");
    for (CsvWriter& writer : writers)
      Config{arguments, model}.write_short(writer);
    return writers;
  }

  std::vector<JsonWriter> open_json(const std::string& name, const std::string& tag = "") const {
    return open_writers<JsonWriter>(chain_files(name, tag, ".json", chains), digits());
  }

  /** A writer of nothing for each chain. */
  template <typename Writer>
  std::vector<Writer> closed() const {
    return open_writers<Writer>(std::vector<std::string>(chains.count), digits());
  }
};

}  // namespace console

#endif
