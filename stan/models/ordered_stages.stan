// Ordered stages with group intercepts, logit link: differences of the distribution function.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  array[n] int y;
}
parameters {
  ordered[3] threshold;
  real beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += normal_lpdf(threshold | 0, 2);
  target += normal_lpdf(beta | 0, 1);
  target += normal_lpdf(tau | 0, 1);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = beta * (x[i] - mean(x)) + tau * u_standard[g[i]];
    real below = y[i] == 1 ? 0 : inv_logit(threshold[y[i] - 1] - eta);
    real up_to = y[i] == 4 ? 1 : inv_logit(threshold[y[i]] - eta);
    target += log(up_to - below);
  }
}
