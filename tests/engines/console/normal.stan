// A posterior that is exactly normal on the unconstrained scale:
//   mu | y      normal, conjugate
//   b           bivariate normal
//   log(scale)  normal
data {
  int<lower=0> N;
  vector[N] y;
  real<lower=0> sd_y;
  real<lower=0> sd_mu;
  vector[2] m_b;
  cov_matrix[2] V_b;
  real m_scale;
  real<lower=0> sd_scale;
  // 1: refuses every point; 2: refuses some; 3: quantities fail
  int fault;
}
parameters {
  real mu;
  vector[2] b;
  real<lower=0> scale;
}
model {
  if (fault == 1 || (fault == 2 && mu < -1)) {
    reject("mu must be above -1, not ", mu);
  }
  y ~ normal(mu, sd_y);
  mu ~ normal(0, sd_mu);
  b ~ multi_normal(m_b, V_b);
  scale ~ lognormal(m_scale, sd_scale);
}
generated quantities {
  real twice = 2 * mu;
  matrix[2, 2] outer = b * b';
  real y_new = normal_rng(mu, sd_y);
  if (fault == 3) {
    reject("no quantities");
  }
}
