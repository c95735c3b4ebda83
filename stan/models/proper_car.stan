// A proper conditional autoregression on a graph (Banerjee, Carlin and Gelfand 2014, section
// 4.3): precision (D - alpha W) / tau^2.
data {
  int n;
  int J;
  matrix[J, J] W;
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
  vector[J] degree;
  for (j in 1:J) {
    degree[j] = fmax(sum(W[j]), 1);
  }
  alpha ~ student_t(3, 0, 2.5);
  beta ~ normal(0, 2.5 / sd(x));
  tau ~ student_t(3, 0, 2.5);
  u ~ multi_normal_prec(rep_vector(0, J), (diag_matrix(degree) - rho * W) / square(tau));
  y ~ bernoulli_logit(alpha + beta * (x - mean(x)) + u[g]);
}
