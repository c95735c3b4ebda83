// score ~ x + (x | school)
// gaussian(identity), plan 'textbook', written by hierglm VERSION
functions {
  /**
   * Effects of every level from standardised ones.
   *
   * @param z  standardised effects, one column a level (M x J)
   * @param sd standard deviations of the M effects
   * @param L  Cholesky factor of their correlation matrix
   * @return   effects, one row a level (J x M); each row has covariance D L L' D, D = diag(sd)
   */
  matrix scale_effects(matrix z, vector sd, matrix L) {
    return (diag_pre_multiply(sd, L) * z)';
  }
}
data {
  // response: score
  int<lower=1> N;  // rows
  vector[N] y;     // score
  real<lower=0> prior_sigma_df;
  real prior_sigma_location;
  real<lower=0> prior_sigma_scale;

  // common: 1 + x
  int<lower=1> K;    // columns
  matrix[N, K] X;    // x
  vector[K] X_mean;  // means of X
  real<lower=0> prior_Intercept_df;
  real prior_Intercept_location;
  real<lower=0> prior_Intercept_scale;
  vector[K] prior_b_location;
  vector<lower=0>[K] prior_b_scale;

  // group 1: (x | school)
  int<lower=1> J_1;                          // levels of school
  int<lower=1> M_1;                          // effects a level: Intercept, x
  array[N] int<lower=1, upper=J_1> group_1;  // school of each row
  matrix[N, M_1] Z_1;                        // Intercept, x
  vector<lower=0>[M_1] prior_sd_1_df;
  vector[M_1] prior_sd_1_location;
  vector<lower=0>[M_1] prior_sd_1_scale;
  real<lower=0> prior_cor_1_eta;
}
transformed data {
  // common: 1 + x
  matrix[N, K] Xc = X - rep_matrix(X_mean', N);  // centred columns
}
parameters {
  // response: score
  real<lower=0> sigma;  // residual sd

  // common: 1 + x
  real Intercept;  // expected response at the means of X
  vector[K] b;     // slopes: x

  // group 1: (x | school)
  vector<lower=0>[M_1] sd_1;      // sd of Intercept, x over school
  cholesky_factor_corr[M_1] L_1;  // Cholesky factor of their correlation matrix
  matrix[M_1, J_1] z_1;           // standardised effects
}
transformed parameters {
  // group 1: (x | school)
  matrix[J_1, M_1] r_1 = scale_effects(z_1, sd_1, L_1);  // effects of each school
}
model {
  // response: score
  sigma ~ student_t(prior_sigma_df, prior_sigma_location, prior_sigma_scale);

  // common: 1 + x
  Intercept ~ student_t(prior_Intercept_df, prior_Intercept_location, prior_Intercept_scale);
  b ~ normal(prior_b_location, prior_b_scale);

  // group 1: (x | school)
  sd_1 ~ student_t(prior_sd_1_df, prior_sd_1_location, prior_sd_1_scale);
  L_1 ~ lkj_corr_cholesky(prior_cor_1_eta);
  to_vector(z_1) ~ std_normal();

  // likelihood: gaussian(identity)
  vector[N] mu = Intercept + rows_dot_product(Z_1, r_1[group_1]);
  y ~ normal_id_glm(Xc, mu, b, sigma);
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0

  // group 1: (x | school)
  // correlations of Intercept, x
  corr_matrix[M_1] cor_1 = multiply_lower_tri_self_transpose(L_1);
}
