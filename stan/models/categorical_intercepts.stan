// Multinomial logistic regression of three categories: the second and the third each against
// the first, with intercepts that vary by group.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] int g;
  array[n] int y;
  real scale_beta;
}
parameters {
  real alpha_2;
  real beta_2;
  real alpha_3;
  real beta_3;
  real<lower=0> tau_2;
  vector[n_groups] v_2;
  real<lower=0> tau_3;
  vector[n_groups] v_3;
}
model {
  target += student_t_lpdf([alpha_2, alpha_3] | 3, 0, 2.5);
  target += normal_lpdf([beta_2, beta_3] | 0, scale_beta);
  target += student_t_lpdf([tau_2, tau_3] | 3, 0, 2.5);
  target += std_normal_lpdf(v_2) + std_normal_lpdf(v_3);
  for (i in 1:n) {
    vector[3] log_odds;
    log_odds[1] = 0;
    log_odds[2] = alpha_2 + (x[i] - mean(x)) * beta_2 + tau_2 * v_2[g[i]];
    log_odds[3] = alpha_3 + (x[i] - mean(x)) * beta_3 + tau_3 * v_3[g[i]];
    target += log_softmax(log_odds)[y[i]];
  }
}
