#ifndef HIERGLM_CONSOLE_FILES_HPP
#define HIERGLM_CONSOLE_FILES_HPP

#include <stan/callbacks/json_writer.hpp>
#include <stan/callbacks/unique_stream_writer.hpp>
#include <stan/io/empty_var_context.hpp>
#include <stan/io/json/json_data.hpp>
#include <stan/io/var_context.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace console {

using Context = std::shared_ptr<stan::io::var_context>;
using CsvWriter = stan::callbacks::unique_stream_writer<std::ofstream>;
using JsonWriter = stan::callbacks::json_writer<std::ofstream>;

/** Some chains of consecutive numbers; each has its own files where there are several. */
struct Chains {
  std::size_t count;
  unsigned int first;
};

/**
 * The names of the chains' files: `fit.csv` gives `fit_1.csv`, `fit_2.csv`; for a single
 * chain, `fit.csv`.
 *
 * @param tag what to put between stem and number
 * @param type ".csv", used only where the name has no suffix, or ".json", used always
 */
inline std::vector<std::string> chain_files(const std::string& name, const std::string& tag,
                                            const std::string& type, Chains chains) {
  std::string suffix = std::filesystem::path(name).extension().string();
  const std::string stem = name.substr(0, name.size() - suffix.size());
  if (suffix.empty() || type != ".csv")
    suffix = type;
  if (chains.count == 1)
    return {stem + tag + suffix};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < chains.count; ++i)
    names.push_back(stem + tag + "_" + std::to_string(chains.first + i) + suffix);
  return names;
}

inline std::ifstream open_input(const std::string& name) {
  std::ifstream stream(name);
  if (!stream)
    throw std::invalid_argument("Cannot open specified file, \"" + name + "\": "
                                + std::strerror(errno));
  return stream;
}

/** @param digits significant digits of numbers, or -1 for the stream's own */
inline std::unique_ptr<std::ofstream> open_output(const std::string& name, int digits) {
  auto stream = std::make_unique<std::ofstream>(name);
  if (!*stream)
    throw std::invalid_argument("Cannot create output file, \"" + name + "\": "
                                + std::strerror(errno));
  stream->exceptions(std::ofstream::badbit);  // a full disk ends the run
  if (digits > -1)
    stream->precision(digits);
  return stream;
}

/** Values from a JSON file; none if the name is empty. */
inline Context read_json(const std::string& name) {
  if (name.empty())
    return std::make_shared<stan::io::empty_var_context>();
  if (std::filesystem::path(name).extension() != ".json")
    throw std::invalid_argument("Input files must end in .json; found \"" + name + "\"");
  std::ifstream stream = open_input(name);
  return std::make_shared<stan::json::json_data>(stream);
}

/** Values for each chain: from a file of its own, or else all from the file of this name. */
inline std::vector<Context> read_json(const std::string& name, Chains chains) {
  if (chains.count == 1 || name.empty())
    return std::vector<Context>(chains.count, read_json(name));
  std::vector<Context> values;
  std::string missing;
  for (const std::string& file : chain_files(name, "", ".json", chains))
    if (std::filesystem::exists(file))
      values.push_back(read_json(file));
    else
      missing += (missing.empty() ? "" : ", ") + file;
  if (missing.empty())
    return values;
  if (!std::filesystem::exists(name))
    throw std::invalid_argument("Cannot open some of the requested files: [" + missing
                                + "]\nAlso failed to find base file " + name);
  std::cerr << "Warning: file '" << name << "' is being used to initialize all " << chains.count
            << " chains!" << std::endl;
  return std::vector<Context>(chains.count, read_json(name));
}

/** Writers of one file for each chain; writers of nothing if the name is empty. */
template <typename Writer, typename... Prefix>
std::vector<Writer> open_writers(const std::vector<std::string>& names, int digits,
                                 const Prefix&... prefix) {
  std::vector<Writer> writers;
  for (const std::string& name : names)
    writers.emplace_back(name.empty() ? nullptr : open_output(name, digits), prefix...);
  return writers;
}

}  // namespace console

#endif
