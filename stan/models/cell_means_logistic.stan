// Logistic regression without an intercept, two columns, and a slope that varies by group
// without a varying intercept, (0 + x | g); standard deviation half normal.
data {
  int n;
  int n_groups;
  matrix[n, 2] x;
  vector[n] z;
  array[n] int g;
  array[n] int y;
  vector[2] scale_beta;
}
parameters {
  vector[2] beta;
  real<lower=0> tau;
  vector[n_groups] u_standard;
}
model {
  target += normal_lpdf(beta | 0, scale_beta);
  target += normal_lpdf(tau | 0, 1.5);
  target += std_normal_lpdf(u_standard);
  for (i in 1:n) {
    real eta = x[i, 1] * beta[1] + x[i, 2] * beta[2] + tau * u_standard[g[i]] * z[i];
    // log(inv_logit(eta)), without losing digits where it is near 0 or 1
    target += y[i] == 1 ? -log1p_exp(-eta) : -log1p_exp(eta);
  }
}
