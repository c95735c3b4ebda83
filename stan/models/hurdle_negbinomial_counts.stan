// Hurdle negative binomial counts with group intercepts, as the Stan User's Guide has hurdles.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  array[n] int y;
}
parameters {
  real<lower=0> shape;
  real<lower=0, upper=1> hu;
  real alpha;
  real beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += inv_gamma_lpdf(shape | 0.4, 0.3);
  target += beta_lpdf(hu | 1, 1);
  target += normal_lpdf(alpha | 0, 2);
  target += normal_lpdf(beta | 0, 1);
  target += normal_lpdf(tau | 0, 1);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = alpha + beta * (x[i] - mean(x)) + tau * u_standard[g[i]];
    if (y[i] == 0) {
      target += log(hu);
    } else {
      target += log1m(hu) + neg_binomial_2_log_lpmf(y[i] | eta, shape)
                - log1m(pow(shape / (shape + exp(eta)), shape));
    }
  }
}
