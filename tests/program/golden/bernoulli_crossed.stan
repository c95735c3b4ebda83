// won ~ x + (1 | school) + (0 + x | year)
// bernoulli(logit), plan 'textbook', written by hierglm VERSION
data {
  // response: won
  int<lower=1> N;                    // rows
  array[N] int<lower=0, upper=1> y;  // won

  // common: 1 + x
  int<lower=1> K;    // columns
  matrix[N, K] X;    // x
  vector[K] X_mean;  // means of X
  real<lower=0> prior_Intercept_df;
  real prior_Intercept_location;
  real<lower=0> prior_Intercept_scale;
  vector[K] prior_b_location;
  vector<lower=0>[K] prior_b_scale;

  // group 1: (1 | school)
  int<lower=1> J_1;                          // levels of school
  array[N] int<lower=1, upper=J_1> group_1;  // school of each row
  real<lower=0> prior_sd_1_df;
  real prior_sd_1_location;
  real<lower=0> prior_sd_1_scale;

  // group 2: (0 + x | year)
  int<lower=1> J_2;                          // levels of year
  array[N] int<lower=1, upper=J_2> group_2;  // year of each row
  vector[N] Z_2;                             // x
  real<lower=0> prior_sd_2_df;
  real prior_sd_2_location;
  real<lower=0> prior_sd_2_scale;
}
transformed data {
  // common: 1 + x
  matrix[N, K] Xc = X - rep_matrix(X_mean', N);  // centred columns
}
parameters {
  // common: 1 + x
  real Intercept;  // linear predictor at the means of X
  vector[K] b;     // slopes: x

  // group 1: (1 | school)
  real<lower=0> sd_1;  // sd of Intercept over school
  vector[J_1] z_1;     // standardised effects

  // group 2: (0 + x | year)
  real<lower=0> sd_2;  // sd of x over year
  vector[J_2] z_2;     // standardised effects
}
transformed parameters {
  // group 1: (1 | school)
  vector[J_1] r_1 = sd_1 * z_1;  // effects of each school

  // group 2: (0 + x | year)
  vector[J_2] r_2 = sd_2 * z_2;  // effects of each year
}
model {
  // common: 1 + x
  Intercept ~ student_t(prior_Intercept_df, prior_Intercept_location, prior_Intercept_scale);
  b ~ normal(prior_b_location, prior_b_scale);

  // group 1: (1 | school)
  sd_1 ~ student_t(prior_sd_1_df, prior_sd_1_location, prior_sd_1_scale);
  z_1 ~ std_normal();

  // group 2: (0 + x | year)
  sd_2 ~ student_t(prior_sd_2_df, prior_sd_2_location, prior_sd_2_scale);
  z_2 ~ std_normal();

  // likelihood: bernoulli(logit)
  vector[N] eta = Intercept + r_1[group_1] + Z_2 .* r_2[group_2];
  y ~ bernoulli_logit_glm(Xc, eta, b);
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0
}
