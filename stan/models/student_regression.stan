// Regression with group intercepts and Student t residuals, the density written out.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  vector[n] y;
}
parameters {
  real<lower=0> sigma;
  real<lower=1> nu;
  real alpha;
  real beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += exponential_lpdf(sigma | 0.5);
  target += gamma_lpdf(nu | 2, 0.1);
  target += normal_lpdf(alpha | 0, 2);
  target += normal_lpdf(beta | 0, 1);
  target += normal_lpdf(tau | 0, 1);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = alpha + beta * (x[i] - mean(x)) + tau * u_standard[g[i]];
    target += lgamma((nu + 1) / 2) - lgamma(nu / 2) - log(nu) / 2 - log(sigma)
              - (nu + 1) / 2 * log1p(square((y[i] - eta) / sigma) / nu);
  }
}
