// How long a gradient of a compiled Stan model takes.
//
// Usage: MODEL DATA.json THREADS prints microseconds of processor time and of wall time a
// gradient, least of several, and the log density where they were taken.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <vector>

#include <stan/io/json/json_data.hpp>
#include <stan/model/log_prob_grad.hpp>
#include <stan/model/model_header.hpp>

stan::model::model_base& new_model(stan::io::var_context& data, unsigned int seed,
                                   std::ostream* messages);

int main(int, char** arguments) {
  stan::math::init_threadpool_tbb(std::atoi(arguments[2]));
  std::ifstream file(arguments[1]);
  stan::json::json_data data(file);
  stan::model::model_base& model = new_model(data, 0, nullptr);
  std::vector<double> at(model.num_params_r()), slopes;
  std::vector<int> none;
  for (std::size_t i = 0; i < at.size(); ++i) {
    at[i] = 0.1 * std::sin(1.0 + i);
  }
  double value = 0, processor = HUGE_VAL, wall = HUGE_VAL;
  // About 20 ms a run, whatever a gradient takes.
  int count = 1;
  for (int run = 0; run < 12; ++run) {
    const auto begun = std::chrono::steady_clock::now();
    const std::clock_t start = std::clock();
    for (int i = 0; i < count; ++i) {
      value = stan::model::log_prob_grad<true, true>(model, at, none, slopes);
    }
    const double used = double(std::clock() - start) / CLOCKS_PER_SEC / count;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun;
    processor = std::min(processor, used);
    wall = std::min(wall, passed.count() / count);
    count = std::max(1, static_cast<int>(0.02 / used));
  }
  std::printf("%.1f %.1f %.17g\n", 1e6 * processor, 1e6 * wall, value);
}
