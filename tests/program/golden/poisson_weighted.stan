// count | weights(x + 9) ~ x + floor + offset(log_time)
// poisson(log), plan 'textbook', written by hierglm VERSION
data {
  // response: count | weights(x + 9)
  int<lower=1> N;              // rows
  vector<lower=0>[N] weights;  // weight of each row's log likelihood
  vector[N] offset_;           // added to the linear predictor
  array[N] int<lower=0> y;     // count

  // common: 1 + x + floor[T.cellar]
  int<lower=1> K;    // columns
  matrix[N, K] X;    // x, floor[T.cellar]
  vector[K] X_mean;  // means of X
  real<lower=0> prior_Intercept_df;
  real prior_Intercept_location;
  real<lower=0> prior_Intercept_scale;
  int<lower=0> prior_b_cauchy_size;
  array[prior_b_cauchy_size] int<lower=1, upper=K> prior_b_cauchy_at;
  vector[prior_b_cauchy_size] prior_b_cauchy_location;
  vector<lower=0>[prior_b_cauchy_size] prior_b_cauchy_scale;
  int<lower=0> prior_b_normal_size;
  array[prior_b_normal_size] int<lower=1, upper=K> prior_b_normal_at;
  vector[prior_b_normal_size] prior_b_normal_location;
  vector<lower=0>[prior_b_normal_size] prior_b_normal_scale;
}
transformed data {
  // common: 1 + x + floor[T.cellar]
  matrix[N, K] Xc = X - rep_matrix(X_mean', N);  // centred columns
}
parameters {
  // common: 1 + x + floor[T.cellar]
  real Intercept;  // linear predictor at the means of X
  vector[K] b;     // slopes: x, floor[T.cellar]
}
model {
  // common: 1 + x + floor[T.cellar]
  Intercept ~ student_t(prior_Intercept_df, prior_Intercept_location, prior_Intercept_scale);
  b[prior_b_cauchy_at] ~ cauchy(prior_b_cauchy_location, prior_b_cauchy_scale);
  b[prior_b_normal_at] ~ normal(prior_b_normal_location, prior_b_normal_scale);

  // likelihood: poisson(log)
  vector[N] eta = Intercept + offset_ + Xc * b;
  for (n in 1:N) {
    target += weights[n] * poisson_log_lupmf(y[n] | eta[n]);
  }
}
generated quantities {
  // common: 1 + x + floor[T.cellar]
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0
}
