// Counts of classes within schools, (1 | school/class), written with loops.
data {
  int n;
  int n_schools;
  int n_classes;
  vector[n] x;
  array[n] int school;
  array[n] int class;  // numbered through all schools
  array[n] int y;
  real location_alpha;
  real scale;
  real scale_beta;
}
parameters {
  real alpha;
  real beta;
  real<lower=0> tau_school;
  vector[n_schools] z_school;
  real<lower=0> tau_class;
  vector[n_classes] z_class;
}
model {
  target += student_t_lpdf(alpha | 3, location_alpha, scale);
  target += normal_lpdf(beta | 0, scale_beta);
  target += student_t_lpdf(tau_school | 3, 0, scale) + student_t_lpdf(tau_class | 3, 0, scale);
  target += std_normal_lpdf(z_school) + std_normal_lpdf(z_class);
  for (i in 1:n) {
    real log_rate = alpha + beta * (x[i] - mean(x));
    log_rate += tau_school * z_school[school[i]] + tau_class * z_class[class[i]];
    target += y[i] * log_rate - exp(log_rate) - lgamma(y[i] + 1);
  }
}
