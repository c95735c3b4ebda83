// Gaussian responses whose mean and log sd have predictors of their own, with correlated
// intercepts by group: groups differ in level and in spread (a location-scale model;
// Hedeker, Mermelstein and Demirtas 2008).
data {
  int n;
  int n_groups;
  vector[n] x;
  vector[n] z;
  array[n] int g;
  vector[n] y;
  real location_alpha;
  real scale_alpha;
  real scale_beta;
  real scale_gamma;
  real eta;
}
parameters {
  real alpha;  // expected response at the mean of x
  real beta;
  real delta;  // log sd at the mean of z
  real gamma;
  vector<lower=0>[3] tau;  // of levels, of log spreads, of the slopes of z in these
  cholesky_factor_corr[3] L;
  matrix[3, n_groups] v;  // independent standard normal effects, one column a group
}
model {
  matrix[3, n_groups] u;
  for (j in 1:n_groups) {
    u[ : , j] = diag_matrix(tau) * (L * v[ : , j]);
  }
  target += student_t_lpdf(alpha | 3, location_alpha, scale_alpha);
  target += normal_lpdf(beta | 0, scale_beta);
  target += student_t_lpdf(delta | 3, 0, 2.5);
  target += normal_lpdf(gamma | 0, scale_gamma);
  target += student_t_lpdf(tau[1] | 3, 0, scale_alpha);
  target += student_t_lpdf(tau[2 : 3] | 3, 0, 2.5);
  target += lkj_corr_cholesky_lpdf(L | eta);
  for (j in 1:n_groups) {
    target += std_normal_lpdf(v[ : , j]);
  }
  for (i in 1:n) {
    real mu = alpha + (x[i] - mean(x)) * beta + u[1, g[i]];
    real log_sigma = delta + (z[i] - mean(z)) * gamma + u[2, g[i]] + z[i] * u[3, g[i]];
    target += normal_lpdf(y[i] | mu, exp(log_sigma));
  }
}
