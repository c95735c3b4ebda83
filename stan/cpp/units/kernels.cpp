// The arithmetic of all kernels, compiled once: programs are compiled with HIERGLM_KERNELS_APART
// and linked with this.

#include "../kernels/bernoulli_logit_rows.hpp"
#include "../kernels/binomial_logit_rows.hpp"
#include "../kernels/conditional_effects.hpp"
#include "../kernels/integrated_density.hpp"
#include "../kernels/normal_rows.hpp"
#include "../kernels/poisson_log_rows.hpp"
