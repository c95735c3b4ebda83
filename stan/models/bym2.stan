// BYM2 (Riebler, Sorbye, Simpson and Rue 2016): independent effects and a scaled intrinsic field
// with covariance Q, mixed by rho, as one normal vector.
data {
  int n;
  int J;
  matrix[J, J] Q;
  vector[n] x;
  array[n] int g;
  array[n] int<lower=0, upper=1> y;
}
parameters {
  real alpha;
  real beta;
  real<lower=0> tau;
  real<lower=0, upper=1> rho;
  vector[J] u;
}
model {
  matrix[J, J] V = square(tau) * add_diag(rho * Q, 1 - rho);
  alpha ~ student_t(3, 0, 2.5);
  beta ~ normal(0, 2.5 / sd(x));
  tau ~ student_t(3, 0, 2.5);
  rho ~ beta(0.5, 0.5);
  u ~ multi_normal(rep_vector(0, J), V);
  y ~ bernoulli_logit(alpha + beta * (x - mean(x)) + u[g]);
}
