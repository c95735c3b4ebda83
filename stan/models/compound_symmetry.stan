// Varying coefficients with one correlation for each two, logistic regression. The correlation
// of q effects cannot be below -1/(q-1); its prior is |C|^(eta-1), as lkj has it.
data {
  int n;
  int n_groups;
  vector[n] x;
  array[n] vector[3] z;
  array[n] int g;
  array[n] int y;
  real scale_beta;
  real eta;
}
parameters {
  real alpha;  // log odds at the mean of x
  real beta;
  vector<lower=0>[3] tau;
  real<lower=-0.5, upper=1> rho;
  matrix[3, n_groups] standard;
}
model {
  matrix[3, 3] C;
  matrix[3, 3] root;
  for (a in 1:3) {
    for (b in 1:3) {
      C[a, b] = a == b ? 1 : rho;
    }
  }
  root = cholesky_decompose(quad_form_diag(C, tau));
  target += student_t_lpdf(alpha | 3, 0, 2.5);
  target += normal_lpdf(beta | 0, scale_beta);
  for (m in 1:3) {
    target += student_t_lpdf(tau[m] | 3, 0, 2.5);
  }
  target += (eta - 1) * log(square(1 - rho) * (1 + 2 * rho));  // determinant of C
  for (j in 1:n_groups) {
    for (m in 1:3) {
      target += std_normal_lpdf(standard[m, j]);
    }
  }
  for (i in 1:n) {
    real mu = alpha + (x[i] - mean(x)) * beta;
    mu += dot_product(z[i], root * col(standard, g[i]));
    target += bernoulli_logit_lpmf(y[i] | mu);
  }
}
