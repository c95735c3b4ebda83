// Counts with group intercepts, negative binomial as a gamma mixture of Poisson counts.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  array[n] int y;
}
parameters {
  real<lower=0> shape;
  real alpha;
  real beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += inv_gamma_lpdf(shape | 0.4, 0.3);
  target += normal_lpdf(alpha | 0, 2);
  target += normal_lpdf(beta | 0, 1);
  target += normal_lpdf(tau | 0, 1);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = alpha + beta * (x[i] - mean(x)) + tau * u_standard[g[i]];
    real mu = exp(eta);
    target += lgamma(y[i] + shape) - lgamma(shape) - lgamma(y[i] + 1)
              + y[i] * log(mu / (mu + shape)) + shape * log(shape / (mu + shape));
  }
}
