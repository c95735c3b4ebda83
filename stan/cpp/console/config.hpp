#ifndef HIERGLM_CONSOLE_CONFIG_HPP
#define HIERGLM_CONSOLE_CONFIG_HPP

#include "argument.hpp"

#include <stan/callbacks/structured_writer.hpp>
#include <stan/callbacks/writer.hpp>
#include <stan/model/model_base.hpp>
#include <stan/version.hpp>

#include <cstddef>
#include <ctime>
#include <string>

namespace console {

/** Writes the version of Stan, as the first lines of a CSV file. */
inline void write_version(stan::callbacks::writer& lines) {
  lines("stan_version_major = " + stan::MAJOR_VERSION);
  lines("stan_version_minor = " + stan::MINOR_VERSION);
  lines("stan_version_patch = " + stan::PATCH_VERSION);
}

/** Answers `info`: the version of Stan, and what the program can do. */
inline void write_info(stan::callbacks::writer& lines) {
  write_version(lines);
  lines("STAN_THREADS=true");
  lines("STAN_MPI=false");
  lines("STAN_OPENCL=false");
  lines("STAN_NO_RANGE_CHECKS=false");
  lines("STAN_CPP_OPTIMS=false");
}

inline std::string now() {
  const std::time_t seconds = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", std::gmtime(&seconds));
  return text;
}

/** What a run was asked to do, of which model; written into each of its output files. */
struct Config {
  const Argument& arguments;
  const stan::model::model_base& model;

  /** All of it, at the top of a CSV file. */
  void write(stan::callbacks::writer& lines) const {
    write_version(lines);
    lines("model = " + model.model_name());
    lines("start_datetime = " + now());
    arguments.write_parts(lines);
    for (const std::string& line : model.model_compile_info())
      lines(line);
  }

  /** The part that CmdStan writes at the top of diagnostic files. */
  void write_short(stan::callbacks::writer& lines) const {
    write_version(lines);
    lines("model = " + model.model_name());
    arguments.write_parts(lines);
  }

  /** All of it, as a JSON file. */
  void write(stan::callbacks::structured_writer& json) const {
    json.begin_record();
    json.write("stan_major_version", stan::MAJOR_VERSION);
    json.write("stan_minor_version", stan::MINOR_VERSION);
    json.write("stan_patch_version", stan::PATCH_VERSION);
    json.write("model_name", model.model_name());
    json.write("start_datetime", now());
    arguments.write_parts(json);
    json.write("mpi_enabled", false);
    for (const std::string& line : model.model_compile_info()) {
      const std::size_t equals = line.find(" = ");
      json.write(line.substr(0, equals), line.substr(equals + 3));
    }
    json.end_record();
  }
};

}  // namespace console

#endif
