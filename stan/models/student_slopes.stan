// Varying intercepts and slopes of levels some of which are outliers: multivariate Student t
// effects as a scale mixture (Gelman et al. 2013, section 17.2), a scale for each level.
data {
  int n;
  int J;
  vector[n] x;
  array[n] int g;
  array[n] int<lower=0, upper=1> y;
}
parameters {
  real alpha;
  real beta;
  vector<lower=0>[2] tau;
  cholesky_factor_corr[2] L;
  real<lower=1> nu;
  vector<lower=0>[J] w;  // 1 / chi-squared
  array[J] vector[2] u;
}
model {
  matrix[2, 2] Sigma = quad_form_diag(multiply_lower_tri_self_transpose(L), tau);
  alpha ~ student_t(3, 0, 2.5);
  beta ~ normal(0, 2.5 / sd(x));
  tau ~ student_t(3, 0, 2.5);
  nu ~ gamma(2, 0.1);
  for (j in 1:J) {
    w[j] ~ inv_chi_square(nu);
    u[j] ~ multi_normal(rep_vector(0, 2), nu * w[j] * Sigma);
  }
  for (i in 1:n) {
    y[i] ~ bernoulli_logit(alpha + beta * (x[i] - mean(x)) + u[g[i], 1] + u[g[i], 2] * x[i]);
  }
}
