// Many tasks that share one strength: task coefficients about common ones, all with one sd
// (hierarchical Bayes of multi-task learning), Gaussian response, row by row.
data {
  int n;
  int n_tasks;
  vector[n] x;
  array[n] vector[3] z;  // 1, x and another column
  array[n] int task;
  vector[n] y;
  real location_alpha;
  real scale;  // of the priors of intercept and sds
  real scale_beta;
}
parameters {
  real<lower=0> sigma;
  real alpha;  // expected response at the mean of x
  real beta;
  real<lower=0> tau;  // strength: the sd of every coefficient
  matrix[3, n_tasks] standard;  // deviations of the tasks, in sds
}
model {
  target += student_t_lpdf(sigma | 3, 0, scale);
  target += student_t_lpdf(alpha | 3, location_alpha, scale);
  target += normal_lpdf(beta | 0, scale_beta);
  target += student_t_lpdf(tau | 3, 0, scale);
  for (j in 1:n_tasks) {
    for (m in 1:3) {
      target += std_normal_lpdf(standard[m, j]);
    }
  }
  for (i in 1:n) {
    real mu = alpha + (x[i] - mean(x)) * beta;
    for (m in 1:3) {
      mu += z[i][m] * tau * standard[m, task[i]];
    }
    target += normal_lpdf(y[i] | mu, sigma);
  }
}
