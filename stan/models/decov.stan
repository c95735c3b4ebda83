// rstanarm's default covariance prior written out (its vignette on priors): the trace of
// the covariance matrix of two effects is 2 tau^2 sigma^2, shared out by a simplex.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  vector[n] y;
  real mean_y;
  real sd_y;
  real sd_x;
}
parameters {
  real<lower=0> sigma;
  real alpha;
  real beta;
  real<lower=0> tau;
  simplex[2] pi;
  cholesky_factor_corr[2] L;
  matrix[2, n_groups] z;
}
model {
  real trace = 2 * square(tau * sigma);
  real sd_intercept = sqrt(pi[1] * trace);
  real sd_slope = sqrt(pi[2] * trace);
  target += exponential_lpdf(sigma | 1 / sd_y);
  target += normal_lpdf(alpha | mean_y, 2.5 * sd_y);
  target += normal_lpdf(beta | 0, 2.5 * sd_y / sd_x);
  target += gamma_lpdf(tau | 1, 1);
  target += lkj_corr_cholesky_lpdf(L | 1);
  target += std_normal_lpdf(to_vector(z));
  for (i in 1:n) {
    real u = sd_intercept * z[1, g[i]];
    real v = sd_slope * (L[2, 1] * z[1, g[i]] + L[2, 2] * z[2, g[i]]);
    target += normal_lpdf(y[i] | alpha + u + beta * (x[i] - mean(x)) + v * x[i], sigma);
  }
}
