// Small lower triangular matrices of many levels at once: every operation is a plain loop over
// the levels of a batch, which compilers make into vector instructions.
//
// Triangles are packed row by row, one row of `batch` numbers an entry. The diagonal of a
// Cholesky factor holds the reciprocals of its entries, by which alone it is used.
#ifndef HIERGLM_BATCH_HPP
#define HIERGLM_BATCH_HPP

#include <algorithm>
#include <cmath>

#include "lanes.hpp"

namespace hierglm {

constexpr int batch = 64;
typedef double Levels[batch];

constexpr int packed(int row, int column) { return row * (row + 1) / 2 + column; }
constexpr int symmetric(int row, int column) {
  return packed(std::max(row, column), std::min(row, column));
}
constexpr int triangle(int q) { return q * (q + 1) / 2; }

// A q x q lower triangular matrix that all levels share, by column.
struct Scale {
  int q;
  const double* entries;
  HIERGLM_INLINE double operator()(int row, int column) const { return entries[column * q + row]; }
};

HIERGLM_INLINE void set(Levels& __restrict to, double value) {
  for (int j = 0; j < batch; ++j) {
    to[j] = value;
  }
}

HIERGLM_INLINE void add(Levels& __restrict to, double by, const Levels& a) {
  for (int j = 0; j < batch; ++j) {
    to[j] += by * a[j];
  }
}

HIERGLM_INLINE void subtract(Levels& __restrict to, const Levels& a, const Levels& b) {
  for (int j = 0; j < batch; ++j) {
    to[j] -= a[j] * b[j];
  }
}

HIERGLM_INLINE void multiply(Levels& __restrict to, const Levels& a) {
  for (int j = 0; j < batch; ++j) {
    to[j] *= a[j];
  }
}

HIERGLM_INLINE double dot(const Levels& a, const Levels& b) {
  lanes total = {};
  for (int j = 0; j < batch; j += width) {
    total += load(a + j) * load(b + j);
  }
  return sum(total);
}

// AS = A S of a symmetric A, all entries, row by row; M = I + S' A S. Two products of q^3 terms,
// where entries of M that sum theirs one by one take q^4.
HIERGLM_INLINE void precision(const Scale& S, const Levels* A, Levels* AS, Levels* M) {
  const int q = S.q;
  for (int h = 0; h < q; ++h) {
    for (int s = 0; s < q; ++s) {
      set(AS[h * q + s], 0.0);
      for (int k = s; k < q; ++k) {
        add(AS[h * q + s], S(k, s), A[symmetric(h, k)]);
      }
    }
  }
  for (int r = 0; r < q; ++r) {
    for (int s = 0; s <= r; ++s) {
      Levels& m = M[packed(r, s)];
      set(m, r == s ? 1.0 : 0.0);
      for (int h = r; h < q; ++h) {
        add(m, S(h, r), AS[h * q + s]);
      }
    }
  }
}

// M becomes its Cholesky factor.
HIERGLM_INLINE void cholesky(int q, Levels* M) {
  for (int r = 0; r < q; ++r) {
    for (int s = 0; s <= r; ++s) {
      Levels& c = M[packed(r, s)];
      for (int h = 0; h < s; ++h) {
        subtract(c, M[packed(r, h)], M[packed(s, h)]);
      }
      if (s < r) {
        multiply(c, M[packed(s, s)]);
      } else {
        for (int j = 0; j < batch; ++j) {
          c[j] = 1.0 / std::sqrt(c[j]);
        }
      }
    }
  }
}

// v becomes C^-1 v.
HIERGLM_INLINE void solve(int q, const Levels* C, Levels* v) {
  for (int k = 0; k < q; ++k) {
    for (int h = 0; h < k; ++h) {
      subtract(v[k], C[packed(k, h)], v[h]);
    }
    multiply(v[k], C[packed(k, k)]);
  }
}

// v becomes C^-T v.
HIERGLM_INLINE void solve_transposed(int q, const Levels* C, Levels* v) {
  for (int k = q - 1; k >= 0; --k) {
    for (int h = k + 1; h < q; ++h) {
      subtract(v[k], C[packed(h, k)], v[h]);
    }
    multiply(v[k], C[packed(k, k)]);
  }
}

// to = S v.
HIERGLM_INLINE void times(const Scale& S, const Levels* v, Levels* to) {
  for (int k = 0; k < S.q; ++k) {
    set(to[k], 0.0);
    for (int h = 0; h <= k; ++h) {
      add(to[k], S(k, h), v[h]);
    }
  }
}

// to = S' v.
HIERGLM_INLINE void times_transposed(const Scale& S, const Levels* v, Levels* to) {
  for (int k = 0; k < S.q; ++k) {
    set(to[k], 0.0);
    for (int h = k; h < S.q; ++h) {
      add(to[k], S(h, k), v[h]);
    }
  }
}

// to += -log |C|, level by level.
HIERGLM_INLINE void subtract_log_determinant(int q, const Levels* C, Levels& __restrict to) {
  for (int k = 0; k < q; ++k) {
    const Levels& reciprocal = C[packed(k, k)];
    for (int j = 0; j < batch; j += width) {
      store(to + j, load(to + j) + log(load(reciprocal + j)));
    }
  }
}

// to += by |v|^2, level by level.
HIERGLM_INLINE void add_squares(int q, double by, const Levels* v, Levels& __restrict to) {
  for (int k = 0; k < q; ++k) {
    for (int j = 0; j < batch; ++j) {
      to[j] += by * v[k][j] * v[k][j];
    }
  }
}

// Lower triangle of C_adjoint -= a b'.
HIERGLM_INLINE void subtract_outer(int q, const Levels* a, const Levels* b, Levels* C_adjoint) {
  for (int k = 0; k < q; ++k) {
    for (int h = 0; h <= k; ++h) {
      subtract(C_adjoint[packed(k, h)], a[k], b[h]);
    }
  }
}

// Lower triangle of S_adjoint += sum over the levels of a b'.
HIERGLM_INLINE void add_outer(int q, const Levels* a, const Levels* b, double* S_adjoint) {
  for (int h = 0; h < q; ++h) {
    for (int k = h; k < q; ++k) {
      S_adjoint[h * q + k] += dot(a[k], b[h]);
    }
  }
}

// Adjoints of C become those of M = C C', each entry of its lower triangle by itself.
HIERGLM_INLINE void cholesky_adjoint(int q, const Levels* C, Levels* adjoint) {
  for (int r = q - 1; r >= 0; --r) {
    for (int s = r; s >= 0; --s) {
      Levels& c = adjoint[packed(r, s)];
      multiply(c, C[packed(s, s)]);
      if (s < r) {
        subtract(adjoint[packed(s, s)], c, C[packed(r, s)]);
      } else {
        for (int j = 0; j < batch; ++j) {
          c[j] *= 0.5;
        }
      }
      for (int h = 0; h < s; ++h) {
        subtract(adjoint[packed(r, h)], c, C[packed(s, h)]);
        subtract(adjoint[packed(s, h)], c, C[packed(r, h)]);
      }
    }
  }
}

// Adjoints of M = I + S' A S pass to S, and to A if it has any: A_adjoint may be null. With m those
// of the lower triangle, to S pass the lower triangle of A S (m + m'), to A that of S (m + m') S',
// half of its diagonal; S (m + m') takes the place of A S.
HIERGLM_INLINE void precision_adjoint(const Scale& S, Levels* AS, const Levels* M_adjoint,
                                      double* S_adjoint, Levels* A_adjoint) {
  const int q = S.q;
  for (int r = 0; r < q; ++r) {
    for (int h = r; h < q; ++h) {
      for (int s = 0; s < q; ++s) {
        const double product = dot(M_adjoint[symmetric(r, s)], AS[h * q + s]);
        S_adjoint[r * q + h] += r == s ? 2 * product : product;
      }
    }
  }
  if (A_adjoint == nullptr) {
    return;
  }
  for (int h = 0; h < q; ++h) {
    Levels* Sm = AS + h * q;
    for (int s = 0; s <= h; ++s) {
      set(Sm[s], 0.0);
      for (int r = 0; r <= h; ++r) {
        add(Sm[s], r == s ? 2 * S(h, r) : S(h, r), M_adjoint[symmetric(r, s)]);
      }
    }
    for (int k = 0; k <= h; ++k) {
      for (int s = 0; s <= k; ++s) {
        add(A_adjoint[packed(h, k)], h == k ? 0.5 * S(k, s) : S(k, s), Sm[s]);
      }
    }
  }
}

}  // namespace hierglm

#endif
