// Varying intercepts and slopes whose covariance is another in each stratum of the levels.
data {
  int n;
  int J;
  int F;
  array[J] int f;
  vector[n] x;
  array[n] int g;
  array[n] int<lower=0, upper=1> y;
}
parameters {
  real alpha;
  real beta;
  array[F] vector<lower=0>[2] tau;
  array[F] cholesky_factor_corr[2] L;
  array[J] vector[2] u;
}
model {
  alpha ~ student_t(3, 0, 2.5);
  beta ~ normal(0, 2.5 / sd(x));
  for (s in 1:F) {
    tau[s] ~ student_t(3, 0, 2.5);
    L[s] ~ lkj_corr_cholesky(1);
  }
  for (j in 1:J) {
    u[j] ~ multi_normal_cholesky(rep_vector(0, 2), diag_pre_multiply(tau[f[j]], L[f[j]]));
  }
  for (i in 1:n) {
    y[i] ~ bernoulli_logit(alpha + beta * (x[i] - mean(x)) + u[g[i], 1] + u[g[i], 2] * x[i]);
  }
}
