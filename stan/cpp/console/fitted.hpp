#ifndef HIERGLM_CONSOLE_FITTED_HPP
#define HIERGLM_CONSOLE_FITTED_HPP

#include "files.hpp"

#include <stan/io/stan_csv_reader.hpp>
#include <stan/math/prim/fun/Eigen.hpp>
#include <stan/model/model_base.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace console {

/**
 * Reads the parameters from a CSV file that one of the methods wrote.
 *
 * @param method what must have written it: "optimize", or "" for any
 * @return one row for each draw, one column for each constrained parameter
 * @throw std::invalid_argument if the file is another model's
 */
inline Eigen::MatrixXd read_fitted(const std::string& name, const stan::model::model_base& model,
                                   const std::string& method = "") {
  using Reader = stan::io::stan_csv_reader;
  std::vector<std::string> wanted;
  model.constrained_param_names(wanted, false, false);
  if (wanted.empty())
    throw std::invalid_argument("Model " + model.model_name()
                                + " has no parameters, nothing to estimate.");
  std::ifstream stream = open_input(name);
  stan::io::stan_csv csv;
  Reader::read_metadata(stream, csv.metadata);
  if (!method.empty() && csv.metadata.method != method)
    throw std::invalid_argument("CSV file \"" + name + "\" is not output of method=" + method);
  if (!Reader::read_header(stream, csv.header, false))
    throw std::invalid_argument("Error reading fitted param names from sample csv file \"" + name
                                + "\"");
  Reader::read_adaptation(stream, csv.adaptation);
  Reader::read_samples(stream, csv.samples, csv.timing);

  // The columns of the algorithm, such as lp__, stand in front.
  const auto own = [](const std::string& column) {
    return column.size() < 2 || column.compare(column.size() - 2, 2, "__") != 0;
  };
  const auto first = std::find_if(csv.header.begin(), csv.header.end(), own);
  const std::size_t count = wanted.size();
  if (static_cast<std::size_t>(csv.header.end() - first) < count
      || !std::equal(wanted.begin(), wanted.end(), first))
    throw std::invalid_argument("Mismatch between model and fitted_parameters csv file \"" + name
                                + "\"");
  if (csv.samples.rows() == 0)
    throw std::invalid_argument("CSV file \"" + name + "\" holds no draws");
  return csv.samples.middleCols(first - csv.header.begin(), count);
}

}  // namespace console

#endif
