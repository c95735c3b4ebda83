// Varying intercepts and slopes of levels with a known covariance A between them, as an animal
// model with several traits has it (Lynch and Walsh 1998, chapter 26): all effects together are
// one normal vector with covariance Sigma (x) A.
data {
  int n;
  int J;
  matrix[J, J] A;
  vector[n] x;
  array[n] int g;
  array[n] int<lower=0, upper=1> y;
}
parameters {
  real alpha;
  real beta;
  vector<lower=0>[2] tau;
  cholesky_factor_corr[2] L;
  matrix[J, 2] u;
}
model {
  matrix[2, 2] Sigma = quad_form_diag(multiply_lower_tri_self_transpose(L), tau);
  matrix[2 * J, 2 * J] V;
  for (k in 1:2) {
    for (h in 1:2) {
      V[((k - 1) * J + 1):(k * J), ((h - 1) * J + 1):(h * J)] = Sigma[k, h] * A;
    }
  }
  alpha ~ student_t(3, 0, 2.5);
  beta ~ normal(0, 2.5 / sd(x));
  tau ~ student_t(3, 0, 2.5);
  to_vector(u) ~ multi_normal(rep_vector(0, 2 * J), V);
  for (i in 1:n) {
    y[i] ~ bernoulli_logit(alpha + beta * (x[i] - mean(x)) + u[g[i], 1] + u[g[i], 2] * x[i]);
  }
}
