// A few doubles at a time: loads, stores, and exp, log and log1p in full double precision.
//
// GCC's and Clang's vector types become whatever instructions the enclosing function may use.
// Everything is inlined into such a function, so no vector crosses a call and objects that were
// built with other flags can be linked. An x86 machine is asked whether it has AVX2 when the
// program runs: what was built on one machine runs on every other, at its speed. (With
// -march=native in its place, gradients took as long on an AVX2 machine.)
#ifndef HIERGLM_LANES_HPP
#define HIERGLM_LANES_HPP

#include <cstdint>
#include <cstring>

#define HIERGLM_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define HIERGLM_HAS_AVX2 __attribute__((target("avx2,fma")))
#endif

// Vectors are returned by value, but only from functions that are inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace hierglm {

#ifdef HIERGLM_HAS_AVX2
constexpr int width = 4;
#else
constexpr int width = 2;
#endif

typedef double lanes __attribute__((vector_size(8 * width)));
typedef std::int64_t bits __attribute__((vector_size(8 * width)));
typedef int ints __attribute__((vector_size(4 * width)));

// Defines, in a struct, a function that calls an inlined one of these parameters and arguments, as
// it was compiled for the machine that it runs on. With HIERGLM_KERNELS_APART it is only declared:
// the program is linked with an object that has it.
#define HIERGLM_EMIT __attribute__((used))
#if defined(HIERGLM_KERNELS_APART)
#define HIERGLM_FOR_EACH_MACHINE(name, inlined, parameters, arguments) static void name parameters;
#elif defined(HIERGLM_HAS_AVX2)
inline bool avx2() {
  static const bool found = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return found;
}
#define HIERGLM_FOR_EACH_MACHINE(name, inlined, parameters, arguments) \
  HIERGLM_HAS_AVX2 static void name##_avx2 parameters { inlined arguments; } \
  static void name##_plain parameters { inlined arguments; } \
  HIERGLM_EMIT static void name parameters { \
    avx2() ? name##_avx2 arguments : name##_plain arguments; \
  }
#else
#define HIERGLM_FOR_EACH_MACHINE(name, inlined, parameters, arguments) \
  HIERGLM_EMIT static void name parameters { inlined arguments; }
#endif

HIERGLM_INLINE lanes load(const double* from) {
  lanes x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

HIERGLM_INLINE lanes load(const int* from) {
  ints x;
  std::memcpy(&x, from, sizeof x);
  return __builtin_convertvector(x, lanes);
}

HIERGLM_INLINE void store(double* to, const lanes& x) { std::memcpy(to, &x, sizeof x); }

HIERGLM_INLINE lanes all(double x) { return x - lanes{}; }

// The first n numbers, and `rest` behind them; all lanes where n is the width.
template <typename T>
HIERGLM_INLINE lanes load(const T* from, int n, double rest = 0.0) {
  if (n == width) {
    return load(from);
  }
  lanes x = all(rest);
  for (int i = 0; i < n; ++i) {
    x[i] = static_cast<double>(from[i]);
  }
  return x;
}

HIERGLM_INLINE double sum(const lanes& x) {
  double total = x[0];
  for (int i = 1; i < width; ++i) {
    total += x[i];
  }
  return total;
}

HIERGLM_INLINE lanes magnitude(const lanes& x) {
  constexpr std::int64_t rest = INT64_MAX;
  return (lanes)((bits)x & rest);
}

// The smaller one; a NaN in x stays.
HIERGLM_INLINE lanes at_most(const lanes& x, double bound) { return x > bound ? all(bound) : x; }
HIERGLM_INLINE lanes at_least(const lanes& x, double bound) { return x < bound ? all(bound) : x; }

// Added to an integer below 2^51, this leaves its two's complement in the low bits.
constexpr double shifter = 0x1.8p52;

// 2^k for integers k of [-1022, 1023] as doubles: their exponent bits are put in place.
HIERGLM_INLINE lanes power_of_two(const lanes& k) {
  return (lanes)(((bits)(k + shifter) + 1023) << 52);
}

// exp(x) within 1.5 units in the last place: 0 below -745.2, infinite above 709.8, NaN for NaN.
//
// x = k log(2) + r with |r| <= log(2) / 2, exp(r) = 1 + r + r^2 p(r), p of degree 9 by
// interpolation at Chebyshev nodes (error 1.3e-17); 2^k in two factors, so that subnormal
// results are rounded once and only what is too large becomes infinite.
HIERGLM_INLINE lanes exp(const lanes& any) {
  const lanes x = at_least(at_most(any, 711.0), -750.0);
  const lanes k = (x * 0x1.71547652b82fep0 + shifter) - shifter;
  const lanes r = (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
  const lanes r2 = r * r, r4 = r2 * r2;
  const lanes p01 = 0x1.0000000000001p-1 + r * 0x1.5555555555556p-3;
  const lanes p23 = 0x1.5555555553d63p-5 + r * 0x1.11111111109b3p-7;
  const lanes p45 = 0x1.6c16c1788bd90p-10 + r * 0x1.a01a01a7c41d5p-13;
  const lanes p67 = 0x1.a019b90d2ae7ap-16 + r * 0x1.71de0dae63bb3p-19;
  const lanes p89 = 0x1.289185613a3d6p-22 + r * 0x1.af38a9b0ec855p-26;
  const lanes p = (p01 + r2 * p23) + r4 * ((p45 + r2 * p67) + r4 * p89);
  const lanes half = (k * 0.5 + shifter) - shifter;
  return (1.0 + (r + r2 * p)) * power_of_two(half) * power_of_two(k - half);
}

// log((1 + s) / (1 - s)) for |s| <= 0.1716: 2 s + s^3 q(s^2) with q as in FreeBSD's e_log.c.
HIERGLM_INLINE lanes log_ratio(const lanes& s) {
  const lanes z = s * s, w = z * z;
  const lanes odd = 0x1.5555555555593p-1
                    + w * (0x1.2492494229359p-2
                           + w * (0x1.7466496cb03dep-3 + w * 0x1.2f112df3e5244p-3));
  const lanes even = 0x1.999999997fa04p-2 + w * (0x1.c71c51d8e78afp-3 + w * 0x1.39a09d078c69fp-3);
  return 2.0 * s + s * (z * (odd + z * even));
}

constexpr double log_2 = 0x1.62e42fefa39efp-1;

// log(1 + x) for x of [0, 1], small ones to full relative precision.
HIERGLM_INLINE lanes log1p(const lanes& x) {
  const bits far = x > 0x1.a827999fcef32p-2;  // sqrt(2) - 1
  const lanes s = (far ? x - 1.0 : x) / (far ? x + 3.0 : x + 2.0);
  return log_ratio(s) + (far ? all(log_2) : all(0.0));
}

// log(x) of normal positive numbers; -infinity for 0, NaN for what is not finite.
HIERGLM_INLINE lanes log(const lanes& x) {
  constexpr std::int64_t root = 0x3fe6a09e667f3bcd;  // the bits of sqrt(1/2)
  constexpr std::int64_t one = 0x3ff0000000000000;
  // x = 2^k m with m of [sqrt(1/2), sqrt(2)): k + 1023 stands where an exponent does.
  const bits moved = (bits)x + (one - root);
  const lanes m = (lanes)((moved & 0x000fffffffffffff) + root);
  const lanes k = (lanes)((moved >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
  const lanes found = k * log_2 + log_ratio((m - 1.0) / (m + 1.0));
  return (x < 0x1p-1022 ? all(-__builtin_inf()) : found) + (x - x);
}

}  // namespace hierglm

#endif
