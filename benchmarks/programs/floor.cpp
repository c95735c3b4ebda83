// What a gradient costs without Stan: value and slopes of a model of one group term, by bare loops.
//
// Usage: floor FAMILY EFFECTS ROWS LEVELS prints microseconds of processor time a gradient, least
// of several. The arithmetic is that of a planned program: coefficients from whitened ones,
// effects about their conditional means, rows sorted by level with sizes known when this is
// compiled, and everything carried back to z, the scale and the coefficients. No priors.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "conditional.hpp"

using hierglm::lanes;

constexpr int K = 6;

struct Data {
  int rows, levels;
  std::vector<double> X, Z, y;  // by column
  std::vector<int> starts;      // of each level's rows, and the end
  std::vector<double> W, A, B, c;
};

struct Point {
  std::vector<double> b_std, S, z;
};

struct Slopes {
  double value;
  std::vector<double> b_std, S, z;
};

struct Bernoulli {
  lanes linear = {}, product = {};
  lanes slope(lanes y, lanes eta, lanes) {
    const lanes sign = 2.0 * y - 1.0, s = sign * eta, e = hierglm::exp(-hierglm::magnitude(s));
    linear += hierglm::at_most(s, 0.0);
    product += e + product * e;
    return sign * (s > 0.0 ? e : hierglm::all(1.0)) / (1.0 + e);
  }
  double value() {
    double total = hierglm::sum(linear);
    for (int i = 0; i < hierglm::width; ++i) {
      total -= std::log1p(product[i]);
    }
    linear = product = lanes{};
    return total;
  }
};

struct Poisson {
  lanes total = {};
  lanes slope(lanes y, lanes eta, lanes used) {
    const lanes mean = used * hierglm::exp(eta);
    total += y * eta - mean;
    return y - mean;
  }
  double value() {
    const double found = hierglm::sum(total);
    total = lanes{};
    return found;
  }
};

struct Gaussian {  // sd 1
  lanes total = {};
  lanes slope(lanes y, lanes eta, lanes used) {
    const lanes residual = used * (y - eta);
    total -= 0.5 * residual * residual;
    return residual;
  }
  double value() {
    const double found = hierglm::sum(total);
    total = lanes{};
    return found;
  }
};

// Rows of one level, slopes of its effects and of all coefficients.
template <typename Family, int q>
void level_rows(const Data& data, int level, Family& family, const double* b, const double* u,
                lanes* by_column, double* by_effect) {
  lanes effects[q] = {};
  const int end = data.starts[level + 1];
  for (int i = data.starts[level]; i < end; i += hierglm::width) {
    const int n = std::min(hierglm::width, end - i);
    // Columns have room behind their last row; rows of the next level are masked.
    lanes x[K], z[q], eta = hierglm::all(b[K]), used = {};
    for (int k = 0; k < K; ++k) {
      x[k] = hierglm::load(&data.X[std::size_t(k) * (data.rows + hierglm::width) + i]);
      eta += b[k] * x[k];
    }
    for (int m = 0; m < q; ++m) {
      z[m] = hierglm::load(&data.Z[std::size_t(m) * (data.rows + hierglm::width) + i]);
      eta += u[m] * z[m];
    }
    lanes y = hierglm::load(&data.y[i]);
    lanes g;
    if (n == hierglm::width) {
      g = family.slope(y, eta, hierglm::all(1.0));
    } else {
      for (int l = 0; l < n; ++l) {
        used[l] = 1.0;
      }
      for (int l = n; l < hierglm::width; ++l) {
        y[l] = 0.0;
        eta[l] = -1000.0;
      }
      g = family.slope(y, eta, used);
    }
    for (int k = 0; k < K; ++k) {
      by_column[k] += g * x[k];
    }
    by_column[K] += g;
    for (int m = 0; m < q; ++m) {
      effects[m] += g * z[m];
    }
  }
  for (int m = 0; m < q; ++m) {
    by_effect[m] = hierglm::sum(effects[m]);
  }
}

template <typename Family, int q>
void gradient(const Data& data, const Point& at, Slopes& out) {
  using hierglm::batch;
  using hierglm::Conditional;
  constexpr int P = K + 1, T = hierglm::triangle(q);
  double b[P] = {}, d_b[P] = {};
  for (int k = 0; k < P; ++k) {
    for (int h = 0; h < P; ++h) {
      b[k] += data.W[h * P + k] * at.b_std[h];
    }
  }
  lanes by_column[P] = {};
  Family family;
  double value = 0, sigma = 0;
  std::fill(out.S.begin(), out.S.end(), 0.0);
  constexpr int space_rows = Conditional::rows(q) + hierglm::ConditionalAdjoint::rows(q);
  static double space[space_rows][batch];
  const Conditional now(q, space);
  const hierglm::ConditionalAdjoint back(q, space + Conditional::rows(q));
  const hierglm::Scale S{q, at.S.data()};
  for (int from = 0; from < data.levels; from += batch) {
    const int n = std::min(batch, data.levels - from);
    std::fill(&space[0][0], &space[0][0] + (T + 2 * q) * batch, 0.0);
    std::fill(&back.r[0][0], &back.r[0][0] + (q + 1) * batch, 0.0);
    for (int k = 0; k < T; ++k) {
      std::copy_n(&data.A[std::size_t(k) * data.levels + from], n, now.A[k]);
    }
    for (int m = 0; m < q; ++m) {
      std::copy_n(&at.z[std::size_t(m) * data.levels + from], n, now.z[m]);
      std::copy_n(&data.c[std::size_t(m) * data.levels + from], n, now.e[m]);
      for (int k = 0; k < P; ++k) {
        const double* B = &data.B[(std::size_t(m) * P + k) * data.levels + from];
        for (int j = 0; j < n; ++j) {
          now.e[m][j] -= b[k] * B[j];
        }
      }
    }
    hierglm::find(S, 1.0, now);
    for (int j = 0; j < n; ++j) {
      double u[q], by_effect[q];
      for (int m = 0; m < q; ++m) {
        u[m] = now.r[m][j];
      }
      level_rows<Family, q>(data, from + j, family, b, u, by_column, by_effect);
      for (int m = 0; m < q; ++m) {
        back.r[m][j] = by_effect[m];
      }
      back.r[q][j] = 1.0;
      value += now.r[q][j];
    }
    value += family.value();
    hierglm::pass_back(S, 1.0, now, back, out.S.data(), sigma);
    for (int m = 0; m < q; ++m) {
      std::copy_n(back.z[m], n, &out.z[std::size_t(m) * data.levels + from]);
      for (int k = 0; k < P; ++k) {
        const double* B = &data.B[(std::size_t(m) * P + k) * data.levels + from];
        for (int j = 0; j < n; ++j) {
          d_b[k] -= back.e[m][j] * B[j];
        }
      }
    }
  }
  for (int k = 0; k < P; ++k) {
    d_b[k] += hierglm::sum(by_column[k]);
  }
  for (int h = 0; h < P; ++h) {
    out.b_std[h] = 0;
    for (int k = 0; k < P; ++k) {
      out.b_std[h] += data.W[h * P + k] * d_b[k];
    }
  }
  out.value = value;
}

template <typename Family, int q>
double microseconds(const Data& data, const Point& at) {
  Slopes out{0, std::vector<double>(K + 1), std::vector<double>(q * q),
             std::vector<double>(std::size_t(q) * data.levels)};
  const int count = std::max(1, 2000000 / data.rows);
  double least = HUGE_VAL;
  for (int run = 0; run < 9; ++run) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < count; ++i) {
      gradient<Family, q>(data, at, out);
    }
    least = std::min(least, double(std::clock() - start) / CLOCKS_PER_SEC / count);
  }
  if (!std::isfinite(out.value)) {
    std::fprintf(stderr, "not finite\n");
    std::exit(1);
  }
  return 1e6 * least;
}

template <int q>
double of_family(const std::string& family, const Data& data, const Point& at) {
  if (family == "bernoulli") {
    return microseconds<Bernoulli, q>(data, at);
  }
  return family == "poisson" ? microseconds<Poisson, q>(data, at)
                             : microseconds<Gaussian, q>(data, at);
}

int main(int, char** arguments) {
  const std::string family = arguments[1];
  const int q = std::atoi(arguments[2]), rows = std::atoi(arguments[3]);
  const int levels = std::atoi(arguments[4]), P = K + 1;
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  const auto drawn = [&](std::size_t n, double sd) {
    std::vector<double> out(n);
    std::generate(out.begin(), out.end(), [&] { return sd * normal(random); });
    return out;
  };
  const std::size_t room = rows + hierglm::width;
  Data data{rows, levels, drawn(K * room, 1), drawn(q * room, 1), drawn(room, 1), {}, {}, {}, {}, {}};
  std::fill_n(data.Z.begin(), room, 1.0);
  for (double& y : data.y) {
    y = family == "gaussian" ? y : y > 0;
  }
  for (int j = 0; j <= levels; ++j) {
    data.starts.push_back(static_cast<int>(std::int64_t(j) * rows / levels));
  }
  data.W = drawn(P * P, 0.01);
  data.A.assign(std::size_t(hierglm::triangle(q)) * levels, 0.0);
  for (int k = 0; k < q; ++k) {
    std::fill_n(data.A.begin() + std::ptrdiff_t(hierglm::packed(k, k)) * levels, levels, 9.0);
  }
  data.B = drawn(std::size_t(q) * P * levels, 1);
  data.c = drawn(std::size_t(q) * levels, 1);
  Point at{drawn(P, 0.1), std::vector<double>(q * q), drawn(std::size_t(q) * levels, 1)};
  for (int k = 0; k < q; ++k) {
    at.S[k * q + k] = 0.5;
  }
  const double found = q == 1   ? of_family<1>(family, data, at)
                       : q == 2 ? of_family<2>(family, data, at)
                                : of_family<4>(family, data, at);
  std::printf("%.1f\n", found);
}
