// Two tasks of the same schools, a score and whether an exam was passed, each with rows of its
// own. What a school adds to the one is correlated with what it adds to the other, and with
// how x matters there; the second task counts twice.
data {
  int n_score;
  int n_passed;
  int n_schools;
  vector[n_score] x_score;
  vector[n_passed] x_passed;
  array[n_score] int school_score;
  array[n_passed] int school_passed;
  vector[n_score] score;
  array[n_passed] int passed;
  real location_score;
  real scale_score;
  vector[2] scale_beta;
}
parameters {
  real<lower=0> sigma;
  real alpha_score;
  real beta_score;
  real alpha_passed;
  real beta_passed;
  vector<lower=0>[3] tau;
  cholesky_factor_corr[3] L;
  matrix[3, n_schools] v;
}
model {
  matrix[3, 3] Omega = multiply_lower_tri_self_transpose(L);
  matrix[3, 3] scale = cholesky_decompose(quad_form_diag(Omega, tau));
  matrix[3, n_schools] u = scale * v;
  target += student_t_lpdf(sigma | 3, 0, scale_score);
  target += student_t_lpdf(alpha_score | 3, location_score, scale_score);
  target += normal_lpdf(beta_score | 0, scale_beta[1]);
  target += student_t_lpdf(alpha_passed | 3, 0, 2.5);
  target += normal_lpdf(beta_passed | 0, scale_beta[2]);
  target += student_t_lpdf(tau[1] | 3, 0, scale_score);
  target += student_t_lpdf(tau[2 : 3] | 3, 0, 2.5);
  target += lkj_corr_cholesky_lpdf(L | 1);
  target += std_normal_lpdf(to_vector(v));
  for (i in 1:n_score) {
    real mu = alpha_score + (x_score[i] - mean(x_score)) * beta_score + u[1, school_score[i]];
    target += normal_lpdf(score[i] | mu, sigma);
  }
  for (i in 1:n_passed) {
    int j = school_passed[i];
    real logit_p = alpha_passed + (x_passed[i] - mean(x_passed)) * beta_passed
                   + u[2, j] + x_passed[i] * u[3, j];
    // log(inv_logit(eta)), without losing digits where it is near 0 or 1
    target += 2 * (passed[i] == 1 ? -log1p_exp(-logit_p) : -log1p_exp(logit_p));
  }
}
