// The linear predictor of a block of rows, and its slopes carried back to the coefficients.
//
// eta = alpha + offset + X b + sum over the terms of Z_k u_k[level]. Rows of one level that
// follow each other are taken as a run, as columns are: rows should be sorted by the term with
// most levels.
#ifndef HIERGLM_PREDICTOR_HPP
#define HIERGLM_PREDICTOR_HPP

#include <algorithm>
#include <cstddef>
#include <vector>

#include "lanes.hpp"

namespace hierglm {

// A group term: columns Z, and effects u of which effect m of level j stands at m levels + j.
struct Term {
  const int* level;  // counted from 1
  int levels;
  int effects;
  const double* Z;  // its first column
  std::ptrdiff_t start;  // of its effects among those of all terms
};

struct Predictor {
  int rows;
  int columns;
  double alpha;
  const double* X;  // by column
  const double* b;
  const double* offset;  // or null
  std::vector<Term> terms;
  const double* u;
};

// Sums over some rows of slopes along the predictor times what the predictor multiplies.
struct Slopes {
  double alpha = 0;
  std::vector<double> b;
  // For each term those of levels lowest to highest, effect by effect, u[(m * span) + j - lowest].
  struct Effects {
    int lowest;
    int span;
    std::vector<double> u;
  };
  std::vector<Effects> terms;
};

// Rows of a block: eta of that many stay in the first cache.
constexpr int block_rows = 256;

// Where runs of rows of one level end; rows that mostly differ from the one before have none.
struct Runs {
  int count;
  int end[block_rows];
};

constexpr int shortest_run = 6;

HIERGLM_INLINE void find_runs(const int* level, int n, Runs& runs) {
  // A byte a row, 1 where the level is another than before: long runs are words of zeros.
  unsigned char differs[block_rows] = {};
  int changes = 0;
  for (int i = 1; i < n; ++i) {
    differs[i] = level[i] != level[i - 1];
    changes += level[i] != level[i - 1];
  }
  runs.count = 0;
  if ((changes + 1) * shortest_run > n) {
    return;
  }
  int count = 0;
  for (int i = 0; i < n; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, differs + i, sizeof word);
    for (; word != 0; word &= word - 1) {
      runs.end[count++] = i + __builtin_ctzll(word) / 8;
    }
  }
  runs.end[count] = n;
  runs.count = count + 1;
}

// eta += sum over C columns of b times x, columns `stride` apart.
template <int C>
HIERGLM_INLINE void add_columns(double* eta, const double* x, std::ptrdiff_t stride,
                                const double* b, std::ptrdiff_t step, int n) {
  double by[C];
  for (int c = 0; c < C; ++c) {
    by[c] = b[c * step];
  }
  int i = 0;
  for (; i + width <= n; i += width) {
    lanes total = load(eta + i);
    for (int c = 0; c < C; ++c) {
      total += by[c] * load(x + c * stride + i);
    }
    store(eta + i, total);
  }
  for (; i < n; ++i) {
    for (int c = 0; c < C; ++c) {
      eta[i] += by[c] * x[c * stride + i];
    }
  }
}

// to += products of C columns with the slopes g.
template <int C>
HIERGLM_INLINE void add_products(const double* g, const double* x, std::ptrdiff_t stride,
                                 double* to, std::ptrdiff_t step, int n) {
  lanes even[C] = {}, odd[C] = {};
  int i = 0;
  for (; i + 2 * width <= n; i += 2 * width) {
    const lanes first = load(g + i), second = load(g + i + width);
    for (int c = 0; c < C; ++c) {
      even[c] += first * load(x + c * stride + i);
      odd[c] += second * load(x + c * stride + i + width);
    }
  }
  for (; i + width <= n; i += width) {
    for (int c = 0; c < C; ++c) {
      even[c] += load(g + i) * load(x + c * stride + i);
    }
  }
  double total[C];
  for (int c = 0; c < C; ++c) {
    total[c] = sum(even[c] + odd[c]);
  }
  for (; i < n; ++i) {
    for (int c = 0; c < C; ++c) {
      total[c] += g[i] * x[c * stride + i];
    }
  }
  for (int c = 0; c < C; ++c) {
    to[c * step] += total[c];
  }
}

// The same for any number of columns, four at a time.
HIERGLM_INLINE void add_columns(double* eta, const double* x, std::ptrdiff_t stride,
                                const double* b, std::ptrdiff_t step, int columns, int n) {
  for (; columns >= 4; columns -= 4, x += 4 * stride, b += 4 * step) {
    add_columns<4>(eta, x, stride, b, step, n);
  }
  switch (columns) {
    case 3: return add_columns<3>(eta, x, stride, b, step, n);
    case 2: return add_columns<2>(eta, x, stride, b, step, n);
    case 1: return add_columns<1>(eta, x, stride, b, step, n);
  }
}

HIERGLM_INLINE void add_products(const double* g, const double* x, std::ptrdiff_t stride,
                                 double* to, std::ptrdiff_t step, int columns, int n) {
  for (; columns >= 4; columns -= 4, x += 4 * stride, to += 4 * step) {
    add_products<4>(g, x, stride, to, step, n);
  }
  switch (columns) {
    case 3: return add_products<3>(g, x, stride, to, step, n);
    case 2: return add_products<2>(g, x, stride, to, step, n);
    case 1: return add_products<1>(g, x, stride, to, step, n);
  }
}

// eta of rows from to from + n; finds the runs of each term on the way.
HIERGLM_INLINE void linear_predictor(const Predictor& p, int from, int n, Runs* runs, double* eta) {
  for (int i = 0; i < n; ++i) {
    eta[i] = p.alpha;
  }
  if (p.offset != nullptr) {
    for (int i = 0; i < n; ++i) {
      eta[i] += p.offset[from + i];
    }
  }
  add_columns(eta, p.X + from, p.rows, p.b, 1, p.columns, n);
  for (std::size_t k = 0; k < p.terms.size(); ++k) {
    const Term& term = p.terms[k];
    const int* level = term.level + from;
    const double* Z = term.Z + from;
    const double* u = p.u + term.start - 1;
    find_runs(level, n, runs[k]);
    for (int r = 0, start = 0; r < runs[k].count; start = runs[k].end[r++]) {
      add_columns(eta + start, Z + start, p.rows, u + level[start], term.levels, term.effects,
                  runs[k].end[r] - start);
    }
    for (int m = 0; m < term.effects && runs[k].count == 0; ++m) {
      const double* column = Z + std::ptrdiff_t(m) * p.rows;
      const double* effect = u + std::ptrdiff_t(m) * term.levels;
      for (int i = 0; i < n; ++i) {
        eta[i] += column[i] * effect[level[i]];
      }
    }
  }
}

// Adds what slopes g along eta of the same rows mean for the coefficients.
HIERGLM_INLINE void add_slopes(const Predictor& p, int from, int n, const Runs* runs,
                               const double* g, Slopes& slopes) {
  lanes total = {};
  int i = 0;
  for (; i + width <= n; i += width) {
    total += load(g + i);
  }
  slopes.alpha += sum(total + load(g + i, n - i));
  add_products(g, p.X + from, p.rows, slopes.b.data(), 1, p.columns, n);
  for (std::size_t k = 0; k < p.terms.size(); ++k) {
    const Term& term = p.terms[k];
    const int* level = term.level + from;
    const double* Z = term.Z + from;
    Slopes::Effects& to = slopes.terms[k];
    double* u = to.u.data() - to.lowest;
    for (int r = 0, start = 0; r < runs[k].count; start = runs[k].end[r++]) {
      add_products(g + start, Z + start, p.rows, u + level[start], to.span, term.effects,
                   runs[k].end[r] - start);
    }
    for (int m = 0; m < term.effects && runs[k].count == 0; ++m) {
      const double* column = Z + std::ptrdiff_t(m) * p.rows;
      double* effect = u + std::ptrdiff_t(m) * to.span;
      for (int i = 0; i < n; ++i) {
        effect[level[i]] += g[i] * column[i];
      }
    }
  }
}

}  // namespace hierglm

#endif
