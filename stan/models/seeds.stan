// Germination of seeds on plates (Crowder 1978): binomial, one intercept a plate.
// No fused density, no vectors.
data {
  int n;
  int p;
  int n_plates;
  matrix[n, p] x;
  array[n] int plate;
  array[n] int germinated;
  array[n] int seeds;
  vector[p] scale_beta;
}
parameters {
  real alpha;  // at the means of x
  vector[p] beta;
  real<lower=0> tau;
  vector[n_plates] z;
}
model {
  target += student_t_lpdf(alpha | 3, 0, 2.5);
  target += normal_lpdf(beta | 0, scale_beta);
  target += student_t_lpdf(tau | 3, 0, 2.5);
  target += std_normal_lpdf(z);
  for (i in 1:n) {
    real logit_p = alpha + tau * z[plate[i]];
    for (k in 1:p) {
      logit_p += beta[k] * (x[i, k] - mean(col(x, k)));
    }
    target += binomial_lpmf(germinated[i] | seeds[i], inv_logit(logit_p));
  }
}
