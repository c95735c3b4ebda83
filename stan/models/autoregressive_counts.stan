// Counts whose level follows a stationary first-order autoregression in each group, at times
// that some steps are missing from: the effects themselves, step by step.
data {
  int n;
  int n_groups;
  int n_times;
  vector[n] x;
  array[n] int g;
  array[n] int t;  // which time, in order
  array[n_times] int time;
  array[n] int y;
  real location_alpha;
  real scale;
  real scale_beta;
}
parameters {
  real alpha;  // log of the expected count at the mean of x
  real beta;
  real<lower=0> tau;
  real<lower=-1, upper=1> rho;
  matrix[n_times, n_groups] standard;  // innovations
}
model {
  matrix[n_times, n_groups] u;
  for (j in 1:n_groups) {
    u[1, j] = tau * standard[1, j];
    for (s in 2:n_times) {
      real kept = 1;
      for (step in 1:(time[s] - time[s - 1])) {
        kept *= rho;
      }
      u[s, j] = kept * u[s - 1, j] + tau * sqrt(1 - kept * kept) * standard[s, j];
    }
  }
  target += student_t_lpdf(alpha | 3, location_alpha, scale);
  target += normal_lpdf(beta | 0, scale_beta);
  target += student_t_lpdf(tau | 3, 0, scale);
  target += normal_lpdf(rho | 0.5, 0.4);
  for (j in 1:n_groups) {
    for (s in 1:n_times) {
      target += std_normal_lpdf(standard[s, j]);
    }
  }
  for (i in 1:n) {
    target += poisson_log_lpmf(y[i] | alpha + (x[i] - mean(x)) * beta + u[t[i], g[i]]);
  }
}
