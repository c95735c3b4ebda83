// The arithmetic of all kernels, compiled once: programs are compiled with HIERGLM_KERNELS_APART
// and linked with this.

#include "bernoulli_logit_rows.hpp"
#include "binomial_logit_rows.hpp"
#include "conditional_effects.hpp"
#include "integrated_density.hpp"
#include "normal_rows.hpp"
#include "poisson_log_rows.hpp"
