// Two crossed grouping factors, logistic response, row by row; standardised effects.
data {
  int n;
  int n_g;
  int n_h;
  vector[n] x;
  array[n] int g;
  array[n] int h;
  array[n] int y;
  real scale_beta;
}
parameters {
  real alpha;
  real beta;
  real<lower=0> tau_g;
  vector[n_g] z_g;
  real<lower=0> tau_h;
  vector[n_h] z_h;
}
model {
  target += student_t_lpdf(alpha | 3, 0, 2.5) + normal_lpdf(beta | 0, scale_beta);
  target += student_t_lpdf(tau_g | 3, 0, 2.5) + student_t_lpdf(tau_h | 3, 0, 2.5);
  for (j in 1:n_g) {
    target += normal_lpdf(z_g[j] | 0, 1);
  }
  for (j in 1:n_h) {
    target += normal_lpdf(z_h[j] | 0, 1);
  }
  for (i in 1:n) {
    real theta = inv_logit(alpha + beta * (x[i] - mean(x)) + tau_g * z_g[g[i]] + tau_h * z_h[h[i]]);
    target += y[i] == 1 ? log(theta) : log(1 - theta);
  }
}
