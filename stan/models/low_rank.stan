// Coefficients of many tasks in a plane of few dimensions, Gaussian response, row by row:
// u[j] = U v[j], as in a factor analysis whose factor scores are v. The loadings are zero above
// their diagonal and positive on it; their prior is the one under which U U' has the
// distribution of a product of d columns with independent normal entries, whatever the order of
// the rows: half the squares on the diagonal are gamma (Leung and Drton 2016, theorem 1).
data {
  int n;
  int p;  // common coefficients beside the intercept
  int q;  // effects a task
  int d;  // rank
  int n_tasks;
  matrix[n, p] x;
  matrix[n, q] z;
  array[n] int task;
  vector[n] y;
  vector[2] location_scale_alpha;
  vector[p] scale_beta;
  vector[q] size;  // root mean square of each column of z
  real scale_loading;
  real scale_sigma;
}
parameters {
  real<lower=0> sigma;
  real alpha;  // expected response at the mean of every x
  vector[p] beta;
  cholesky_factor_cov[q, d] L;
  matrix[d, n_tasks] v;
}
model {
  target += student_t_lpdf(sigma | 3, 0, scale_sigma);
  target += student_t_lpdf(alpha | 3, location_scale_alpha[1], location_scale_alpha[2]);
  for (k in 1:p) {
    target += normal_lpdf(beta[k] | 0, scale_beta[k]);
  }
  for (k in 1:q) {
    for (l in 1:min(k, d)) {
      if (l < k) {
        target += normal_lpdf(L[k, l] | 0, scale_loading);
      } else {
        target += gamma_lpdf(square(L[k, k] / scale_loading) / 2 | (d - k + 1) / 2.0, 1);
        target += log(L[k, k]);  // of the square
      }
    }
  }
  for (l in 1:d) {
    for (j in 1:n_tasks) {
      target += normal_lpdf(v[l, j] | 0, 1);
    }
  }
  for (i in 1:n) {
    real mu = alpha;
    for (k in 1:p) {
      mu += (x[i, k] - mean(col(x, k))) * beta[k];
    }
    for (k in 1:q) {
      mu += z[i, k] / size[k] * dot_product(L[k], v[, task[i]]);
    }
    target += normal_lpdf(y[i] | mu, sigma);
  }
}
