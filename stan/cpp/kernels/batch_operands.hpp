// Arrays of vectors in Stan's autodiff, read and written batch by batch.
#ifndef HIERGLM_BATCH_OPERANDS_HPP
#define HIERGLM_BATCH_OPERANDS_HPP

#include "batch.hpp"
#include "operands.hpp"

namespace hierglm {

// One vector an entry or effect, one element a level; copied, elements of a vector next to each
// other.
template <bool slopes, typename T>
class Operand {
  Kept<slopes, Eigen::Matrix<stan::scalar_type_t<T>, -1, -1>> entries_;

 public:
  Operand(const char* function, const std::vector<T>& vectors, int size, int levels)
      : entries_(levels, size) {
    stan::math::check_size_match(function, "vectors", vectors.size(), "entries", size);
    for (int k = 0; k < size; ++k) {
      stan::math::check_size_match(function, "elements", vectors[k].size(), "levels", levels);
      entries_.col(k) = vectors[k];
    }
  }

  // Values of the levels from `from` on, zeros behind the last.
  void read(int from, Levels* to) const {
    const int n = std::min<int>(batch, entries_.rows() - from);
    for (int k = 0; k < entries_.cols(); ++k) {
      for (int j = 0; j < n; ++j) {
        to[k][j] = stan::math::value_of(entries_(from + j, k));
      }
      std::fill(to[k] + n, to[k] + batch, 0.0);
    }
  }

  // Adds adjoints of the levels from `from` on.
  void add_batch(int from, const Levels* adjoints) {
    if constexpr (is_var<T>) {
      const int n = std::min<int>(batch, entries_.rows() - from);
      for (int k = 0; k < entries_.cols(); ++k) {
        for (int j = 0; j < n; ++j) {
          entries_(from + j, k).adj() += adjoints[k][j];
        }
      }
    }
  }

  // Writes adjoints of the levels from `from` on to a matrix, for later.
  template <typename Matrix>
  void keep(int from, const Levels* adjoints, Matrix& to) const {
    if constexpr (is_var<T>) {
      const int n = std::min<int>(batch, entries_.rows() - from);
      for (int k = 0; k < entries_.cols(); ++k) {
        std::copy(adjoints[k], adjoints[k] + n, to.col(k).data() + from);
      }
    }
  }

  // Adds `by` times adjoints that were kept.
  template <typename Matrix>
  void add_adjoints(double by, const Matrix& adjoints) {
    if constexpr (is_var<T>) {
      entries_.adj() += by * adjoints;
    }
  }
};

}  // namespace hierglm

#endif
