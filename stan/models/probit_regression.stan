// Successes out of trials with group intercepts, probit link.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  array[n] int trials;
  array[n] int y;
}
parameters {
  real alpha;
  real beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += normal_lpdf(alpha | 0, 2);
  target += normal_lpdf(beta | 0, 1);
  target += normal_lpdf(tau | 0, 1);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = alpha + beta * (x[i] - mean(x)) + tau * u_standard[g[i]];
    real p = Phi(eta);
    target += y[i] * log(p) + (trials[i] - y[i]) * log1m(p);
  }
}
