// Counts with an exposure, independent varying intercepts and slopes (x || g), no common
// intercept; slopes have a Student t prior, standard deviations an exponential one.
data {
  int n;
  int n_groups;
  vector[n] x;
  vector[n] exposure;
  array[n] int g;
  array[n] int y;
}
parameters {
  real beta;
  vector<lower=0>[2] tau;
  matrix[2, n_groups] z;
}
model {
  target += student_t_lpdf(beta | 4, 1, 2);
  target += exponential_lpdf(tau | 0.5);
  target += std_normal_lpdf(to_vector(z));
  for (i in 1:n) {
    real slope = beta + tau[2] * z[2, g[i]];
    target += poisson_lpmf(y[i] | exposure[i] * exp(tau[1] * z[1, g[i]] + slope * x[i]));
  }
}
