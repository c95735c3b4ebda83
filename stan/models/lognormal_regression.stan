// Normal regression of the logarithm, with group intercepts.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  vector[n] y;
}
parameters {
  real<lower=0> sigma;
  real alpha;
  real beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += exponential_lpdf(sigma | 0.5);
  target += normal_lpdf(alpha | 0, 2);
  target += normal_lpdf(beta | 0, 1);
  target += normal_lpdf(tau | 0, 1);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = alpha + beta * (x[i] - mean(x)) + tau * u_standard[g[i]];
    target += normal_lpdf(log(y[i]) | eta, sigma);
  }
}
