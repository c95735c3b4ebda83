// An intrinsic field by its pairwise differences (Besag 1974; Morris et al. 2019). Improper: the
// sums over the connected components, which are no parameters here, are given as 0.
data {
  int n;
  int J;
  int E;
  array[E] int first;
  array[E] int second;
  int islands;
  array[islands] int island;
  int rank;
  vector[n] x;
  array[n] int g;
  array[n] int<lower=0, upper=1> y;
}
parameters {
  real alpha;
  real beta;
  real<lower=0> tau;
  vector[J] u;
}
model {
  alpha ~ student_t(3, 0, 2.5);
  beta ~ normal(0, 2.5 / sd(x));
  tau ~ student_t(3, 0, 2.5);
  target += -0.5 * dot_self(u[first] - u[second]) / square(tau);
  target += -0.5 * dot_self(u[island]) / square(tau);
  target += -rank * log(tau);
  y ~ bernoulli_logit(alpha + beta * (x - mean(x)) + u[g]);
}
