// won | trials(played) ~ x + (x || school)
// binomial(logit), plan 'textbook', written by hierglm VERSION
data {
  // response: won | trials(played)
  int<lower=1> N;                         // rows
  array[N] int<lower=0> trials;           // trials
  array[N] int<lower=0, upper=trials> y;  // won

  // common: 1 + x
  int<lower=1> K;    // columns
  matrix[N, K] X;    // x
  vector[K] X_mean;  // means of X
  real prior_Intercept_location;
  real<lower=0> prior_Intercept_scale;
  vector[K] prior_b_location;
  vector<lower=0>[K] prior_b_scale;

  // group 1: (x || school)
  int<lower=1> J_1;                          // levels of school
  int<lower=1> M_1;                          // effects a level: Intercept, x
  array[N] int<lower=1, upper=J_1> group_1;  // school of each row
  matrix[N, M_1] Z_1;                        // Intercept, x
  real<lower=0> prior_tau_1_shape;
  real<lower=0> prior_tau_1_rate;
  real<lower=0> prior_pi_1_concentration;
}
transformed data {
  // common: 1 + x
  matrix[N, K] Xc = X - rep_matrix(X_mean', N);  // centred columns
}
parameters {
  // common: 1 + x
  real Intercept;  // linear predictor at the means of X
  vector[K] b;     // slopes: x

  // group 1: (x || school)
  real<lower=0> tau_1;   // common scale
  simplex[M_1] pi_1;     // shares of the variance
  matrix[M_1, J_1] z_1;  // standardised effects
}
transformed parameters {
  // group 1: (x || school)
  vector[M_1] sd_1 = tau_1 * sqrt(M_1 * pi_1);           // sd of Intercept, x over school
  matrix[J_1, M_1] r_1 = diag_pre_multiply(sd_1, z_1)';  // effects of each school
}
model {
  // common: 1 + x
  Intercept ~ normal(prior_Intercept_location, prior_Intercept_scale);
  b ~ normal(prior_b_location, prior_b_scale);

  // group 1: (x || school)
  tau_1 ~ gamma(prior_tau_1_shape, prior_tau_1_rate);
  pi_1 ~ dirichlet(rep_vector(prior_pi_1_concentration, M_1));
  to_vector(z_1) ~ std_normal();

  // likelihood: binomial(logit)
  vector[N] eta = Intercept + rows_dot_product(Z_1, r_1[group_1]);
  y ~ binomial_logit_glm(trials, Xc, eta, b);
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0
}
