// Pupils in classes in schools in districts: three nested levels, a predictor of schools and
// its interaction with one of pupils (Gelman and Hill 2006, chapter 13), row by row.
data {
  int n;
  int n_districts;
  int n_schools;
  int n_classes;
  vector[n] x;  // of pupils
  vector[n_schools] w;  // of schools
  array[n] int class_of;
  array[n_classes] int school_of;
  array[n_schools] int district_of;
  vector[n] y;
  real location_alpha;
  real scale;  // of the priors of intercept, sds and sigma
  vector[3] mean_x;  // of x, w and x w over pupils
  vector[3] scale_beta;
}
parameters {
  real<lower=0> sigma;
  real alpha;  // expected response at those means
  vector[3] beta;
  real<lower=0> tau_district;
  vector[n_districts] standard_district;
  vector<lower=0>[2] tau_school;
  cholesky_factor_corr[2] L;
  matrix[2, n_schools] standard_school;
  real<lower=0> tau_class;
  vector[n_classes] standard_class;
}
model {
  vector[n_schools] intercept;  // each school's own line, from what is known of it
  vector[n_schools] slope;
  vector[n_classes] level;
  for (s in 1:n_schools) {
    vector[2] u = diag_pre_multiply(tau_school, L) * col(standard_school, s);
    intercept[s] = alpha + beta[2] * (w[s] - mean_x[2]) - beta[3] * mean_x[3] - beta[1] * mean_x[1]
                   + tau_district * standard_district[district_of[s]] + u[1];
    slope[s] = beta[1] + beta[3] * w[s] + u[2];
  }
  for (c in 1:n_classes) {
    level[c] = intercept[school_of[c]] + tau_class * standard_class[c];
  }
  target += student_t_lpdf(sigma | 3, 0, scale);
  target += student_t_lpdf(alpha | 3, location_alpha, scale);
  target += normal_lpdf(beta | 0, scale_beta);
  target += student_t_lpdf(tau_district | 3, 0, scale);
  target += student_t_lpdf(tau_school | 3, 0, scale);
  target += student_t_lpdf(tau_class | 3, 0, scale);
  target += lkj_corr_cholesky_lpdf(L | 1);
  target += std_normal_lpdf(standard_district);
  target += std_normal_lpdf(to_vector(standard_school));
  target += std_normal_lpdf(standard_class);
  for (i in 1:n) {
    int s = school_of[class_of[i]];
    target += normal_lpdf(y[i] | level[class_of[i]] + slope[s] * x[i], sigma);
  }
}
