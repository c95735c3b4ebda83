// The log likelihood of all rows and its slopes, chunk by chunk, on as many threads as there are.
//
// A likelihood is a struct with
//   static constexpr double idle   an eta at which a row with y = count = 0 adds nothing
//   struct Sum                     what it adds up over a block of rows
//   lanes slope(i, n, eta, sum)    slopes along eta of the n <= width rows from i on
//   void finish(sum, value, scale) adds a block's log likelihood, and its slope along a scale
//   HIERGLM_SUM_ROWS(its name)     the sum over a chunk, as it was compiled for this machine
#ifndef HIERGLM_ROWS_HPP
#define HIERGLM_ROWS_HPP

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "predictor.hpp"

namespace hierglm {

struct Chunk {
  int from;
  int to;
  double value = 0;
  double scale = 0;
  Slopes slopes;
};

// Chunks depend on the number of rows alone, and are added up in order: the same numbers
// whatever the number of threads.
constexpr int chunk_rows = 8192;
constexpr int most_chunks = 64;

inline int rows_of_chunk(int rows) {
  const int wanted = std::max(chunk_rows, (rows + most_chunks - 1) / most_chunks);
  return (wanted + block_rows - 1) / block_rows * block_rows;
}

template <typename Likelihood>
HIERGLM_INLINE void sum_rows(const Likelihood& likelihood, const Predictor& p, bool slopes,
                             Chunk& chunk) {
  std::vector<Runs> runs(p.terms.size());
  Slopes& to = chunk.slopes;
  to.b.assign(p.columns, 0.0);
  for (const Term& term : p.terms) {
    // Sorted rows meet few of the levels: a chunk has room for those alone.
    int lowest = term.levels, highest = 1;
    for (int i = chunk.from; i < chunk.to; ++i) {
      lowest = std::min(lowest, term.level[i]);
      highest = std::max(highest, term.level[i]);
    }
    const int span = highest - lowest + 1;
    to.terms.push_back({lowest, span, std::vector<double>(std::size_t(span) * term.effects)});
  }
  double eta[block_rows + width];
  for (int from = chunk.from; from < chunk.to; from += block_rows) {
    const int n = std::min(block_rows, chunk.to - from);
    linear_predictor(p, from, n, runs.data(), eta);
    for (int i = 0; i < width; ++i) {
      eta[n + i] = Likelihood::idle;
    }
    typename Likelihood::Sum sum;
    int i = 0;
    for (; i + width <= n; i += width) {
      store(eta + i, likelihood.slope(from + i, width, load(eta + i), sum));
    }
    if (i < n) {
      store(eta + i, likelihood.slope(from + i, n - i, load(eta + i), sum));
    }
    likelihood.finish(sum, chunk.value, chunk.scale);
    if (slopes) {
      add_slopes(p, from, n, runs.data(), eta, to);
    }
  }
}

#define HIERGLM_SUM_ROWS(Likelihood) \
  HIERGLM_FOR_EACH_MACHINE(sum_chunk, sum_rows, \
                           (const Likelihood& likelihood, const Predictor& p, bool slopes, \
                            Chunk& chunk), \
                           (likelihood, p, slopes, chunk))

// Returns the chunks with their sums.
template <typename Likelihood>
std::vector<Chunk> sum_all(const Likelihood& likelihood, const Predictor& p, bool slopes) {
  const int size = rows_of_chunk(p.rows);
  std::vector<Chunk> chunks;
  for (int from = 0; from < p.rows; from += size) {
    chunks.push_back({from, std::min(p.rows, from + size)});
  }
  const auto one = [&](std::size_t at) { Likelihood::sum_chunk(likelihood, p, slopes, chunks[at]); };
#ifdef STAN_THREADS
  // Waking threads takes some 10 us, a chunk some 50.
  constexpr std::size_t worth_threads = 4;
  if (chunks.size() >= worth_threads) {
    // A thread that waits here must not begin another chain: its autodiff stack is in use.
    tbb::this_task_arena::isolate(
        [&] { tbb::parallel_for(std::size_t(0), chunks.size(), one, tbb::simple_partitioner()); });
    return chunks;
  }
#endif
  for (std::size_t at = 0; at < chunks.size(); ++at) {
    one(at);
  }
  return chunks;
}

}  // namespace hierglm

#endif
