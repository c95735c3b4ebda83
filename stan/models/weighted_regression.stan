// Linear regression whose rows have weights: each log likelihood counts w times.
// Priors of different kinds on different coefficients; the residual sd has an inverse gamma.
data {
  int n;
  matrix[n, 3] x;
  vector[n] w;
  vector[n] y;
  real location_alpha;
  real scale_alpha;
}
parameters {
  real<lower=0> sigma;
  real alpha;
  vector[3] beta;
}
model {
  target += inv_gamma_lpdf(sigma | 3, 2);
  target += student_t_lpdf(alpha | 3, location_alpha, scale_alpha);
  target += normal_lpdf(beta[1] | 0.5, 2);
  target += cauchy_lpdf(beta[2] | 0, 1);
  // beta[3] is flat
  for (i in 1:n) {
    real mu = alpha;
    for (k in 1:3) {
      mu += (x[i, k] - mean(col(x, k))) * beta[k];
    }
    target += w[i] * normal_lpdf(y[i] | mu, sigma);
  }
}
