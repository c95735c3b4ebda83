// Eight schools (Rubin 1981): known standard errors, one effect a school. With
// extra_sigma = 1 there is a residual sd besides the known errors.
data {
  int n;
  vector[n] y;
  vector[n] se;
  int<lower=0, upper=1> extra_sigma;
}
parameters {
  vector<lower=0>[extra_sigma] sigma;
  real mu;
  real<lower=0> tau;
  vector[n] z;
}
model {
  if (extra_sigma) {
    target += gamma_lpdf(sigma[1] | 2, 0.1);
  }
  target += normal_lpdf(mu | 0, 5) + cauchy_lpdf(tau | 0, 5);
  for (j in 1:n) {
    real variance = square(se[j]);
    if (extra_sigma) {
      variance += square(sigma[1]);
    }
    target += std_normal_lpdf(z[j]);
    target += normal_lpdf(y[j] | mu + tau * z[j], sqrt(variance));
  }
}
