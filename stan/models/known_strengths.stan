// Logistic regressions of many tasks whose strengths are known: minus the penalised loss
// sum_j -log p(D_j | beta_j) + |beta_j - beta_star|^2 / (2 s^2), plus
// |beta_star|^2 / (2 s_star^2), row by row and task by task.
data {
  int n;
  int p;
  int n_tasks;
  matrix[n, p] x;
  array[n] int task;
  array[n] int y;
  vector[p] s;
  real s_star;
}
parameters {
  vector[p] beta_star;
  matrix[p, n_tasks] away;  // from the common coefficients, in units of s
}
model {
  matrix[p, n_tasks] beta;
  for (j in 1:n_tasks) {
    for (k in 1:p) {
      beta[k, j] = beta_star[k] + s[k] * away[k, j];
      target += -square(beta[k, j] - beta_star[k]) / (2 * square(s[k]));
    }
  }
  for (k in 1:p) {
    target += -square(beta_star[k]) / (2 * square(s_star));
  }
  for (i in 1:n) {
    target += bernoulli_logit_lpmf(y[i] | x[i] * col(beta, task[i]));
  }
}
