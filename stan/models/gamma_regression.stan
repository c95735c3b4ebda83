// Gamma regression with log link and group intercepts, the density written out.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  vector[n] y;
}
parameters {
  real<lower=0> shape;
  real alpha;
  real beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += gamma_lpdf(shape | 0.01, 0.01);
  target += normal_lpdf(alpha | 0, 2);
  target += normal_lpdf(beta | 0, 1);
  target += normal_lpdf(tau | 0, 1);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = alpha + beta * (x[i] - mean(x)) + tau * u_standard[g[i]];
    real rate = shape / exp(eta);
    target += shape * log(rate) - lgamma(shape) + (shape - 1) * log(y[i]) - rate * y[i];
  }
}
