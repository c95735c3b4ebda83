// Varying intercepts and slopes, Gaussian response, row by row, as in a textbook
// (Gelman and Hill 2006, chapter 13): the effects themselves are the parameters.
data {
  int n;
  int p;
  int n_groups;
  matrix[n, p] x;
  array[n] vector[2] z;
  array[n] int g;
  vector[n] y;
  vector[2] location_scale_alpha;
  vector[p] scale_beta;
  vector[2] scale_sd;
  real scale_sigma;
  real eta;
}
parameters {
  real<lower=0> sigma;
  real alpha;  // expected response at the mean of every x
  vector[p] beta;
  vector<lower=0>[2] tau;
  cholesky_factor_corr[2] L;
  matrix[2, n_groups] u;  // effects, one column a group
}
model {
  matrix[2, 2] Omega = multiply_lower_tri_self_transpose(L);
  matrix[2, 2] Sigma = quad_form_diag(Omega, tau);
  target += student_t_lpdf(sigma | 3, 0, scale_sigma);
  target += student_t_lpdf(alpha | 3, location_scale_alpha[1], location_scale_alpha[2]);
  for (k in 1:p) {
    target += normal_lpdf(beta[k] | 0, scale_beta[k]);
  }
  for (m in 1:2) {
    target += student_t_lpdf(tau[m] | 3, 0, scale_sd[m]);
  }
  target += lkj_corr_cholesky_lpdf(L | eta);
  for (j in 1:n_groups) {
    target += multi_normal_lpdf(col(u, j) | rep_vector(0, 2), Sigma);
  }
  for (i in 1:n) {
    real mu = alpha;
    for (k in 1:p) {
      mu += (x[i, k] - mean(col(x, k))) * beta[k];
    }
    mu += dot_product(z[i], col(u, g[i]));
    target += normal_lpdf(y[i] | mu, sigma);
  }
}
