// Several memberships (Browne, Goldstein and Rasbash 2001): rows that belong to two levels in
// shares, here pupils who changed school.
data {
  int n;
  int J;
  vector[n] x;
  array[n, 2] int g;
  matrix[n, 2] w;
  array[n] int<lower=0, upper=1> y;
}
parameters {
  real alpha;
  real beta;
  vector<lower=0>[2] tau;
  cholesky_factor_corr[2] L;
  array[J] vector[2] u;
}
model {
  alpha ~ student_t(3, 0, 2.5);
  beta ~ normal(0, 2.5 / sd(x));
  tau ~ student_t(3, 0, 2.5);
  u ~ multi_normal_cholesky(rep_vector(0, 2), diag_pre_multiply(tau, L));
  for (i in 1:n) {
    real eta = alpha + beta * (x[i] - mean(x));
    for (m in 1:2) {
      eta += w[i, m] / sum(w[i]) * (u[g[i, m], 1] + u[g[i, m], 2] * x[i]);
    }
    y[i] ~ bernoulli_logit(eta);
  }
}
