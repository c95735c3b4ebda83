// score ~ x + (x | school)
// gaussian(identity), plan 'auto', written by hierglm VERSION
functions {
  /**
   * Sums within levels of effect columns times residuals: c - B d.
   *
   * @param c one vector an effect, one element a level
   * @param B one matrix an effect, one row a level
   * @param d common coefficients, as distances from where c was taken
   */
  array[] vector level_residuals(array[] vector c, array[] matrix B, vector d) {
    array[size(c)] vector[num_elements(c[1])] e;
    for (k in 1:size(c)) {
      e[k] = c[k] - B[k] * d;
    }
    return e;
  }

  /**
   * Log density of a Gaussian response from crossproducts, up to a constant.
   *
   * The sum of squares is written about the least-squares fit, |y - X b|^2 = rss + |R d|^2,
   * so that nothing cancels.
   *
   * @param d       coefficients minus least-squares coefficients
   * @param sigma   residual sd
   * @param weights number of rows, or the sum of their weights
   * @param rss     residual sum of squares of the least-squares fit
   * @param R       triangular factor of X, R' R = X' X
   */
  real crossproducts_normal(vector d, real sigma, real weights, real rss, matrix R) {
    return -weights * log(sigma) - 0.5 * (rss + dot_self(R * d)) / square(sigma);
  }

  /**
   * Place of an entry of a symmetric or lower triangular matrix that is stored row by row.
   *
   * @param row    row, counted from 1
   * @param column column, at most row
   */
  int packed(int row, int column) {
    return (row * (row - 1)) %/% 2 + column;
  }

  /**
   * Cholesky factors of small matrices, of all levels at once: a fixed number of operations on
   * vectors, however many levels there are. For 500 levels of size 1, 2 and 4 the embedded engine
   * takes 24, 48 and 142 microseconds a gradient, and 334, 108 and 538 for a loop over levels.
   *
   * @param M matrices of all levels, lower triangles packed
   * @param q their size
   * @param J number of levels (sizes that are read off computed arrays are interpreted, not
   *          compiled, by the embedded engine)
   */
  array[] vector batched_cholesky(array[] vector M, int q, int J) {
    array[size(M)] vector[J] C;
    for (r in 1:q) {
      for (s in 1:r) {
        vector[J] c = M[packed(r, s)];
        for (h in 1:(s - 1)) {
          c -= C[packed(r, h)] .* C[packed(s, h)];
        }
        C[packed(r, s)] = r == s ? sqrt(c) : c ./ C[packed(s, s)];
      }
    }
    return C;
  }

  /**
   * I + S' A_j S for every level j at once, lower triangles packed. Column by column of S, so
   * that the operations grow with the cube of the number of effects: a gradient of 12 effects
   * takes the embedded engine 0.4 ms for 60 levels, and 1.9 if each entry sums its q^2 terms.
   *
   * @param A crossproducts of all levels: one vector an entry, one element a level
   * @param S lower triangular matrix
   */
  array[] vector batched_precision(array[] vector A, matrix S) {
    int q = rows(S);
    int J = num_elements(A[1]);
    array[size(A)] vector[J] M;
    for (s in 1:q) {
      array[q] vector[J] AS;
      for (h in s:q) {
        vector[J] product = S[s, s] * A[packed(h, s)];
        for (k in (s + 1):q) {
          product += S[k, s] * A[packed(max(h, k), min(h, k))];
        }
        AS[h] = product;
      }
      for (r in s:q) {
        vector[J] m = rep_vector(r == s ? 1 : 0, J);
        for (h in r:q) {
          m += S[h, r] * AS[h];
        }
        M[packed(r, s)] = m;
      }
    }
    return M;
  }

  /**
   * What the effects of a grouping factor add to the log density of a Gaussian response once
   * they are integrated out (Lindstrom and Bates 1988; Bates et al. 2015, section 3): the sum
   * over the levels of |w_j|^2 / (2 sigma^2) - log |C_j|.
   *
   * @param C     Cholesky factors of I + S' A_j S, A_j = Z_j' Z_j and S S' the covariance of
   *              the effects over sigma^2; lower triangles packed
   * @param w     C_j^-1 S' Z_j' (y - X b): one vector an effect, one element a level
   * @param sigma residual sd
   */
  real solved_density(array[] vector C, array[] vector w, real sigma) {
    real squares = 0;
    real log_determinant = 0;
    for (k in 1:size(w)) {
      squares += dot_self(w[k]);
      log_determinant += sum(log(C[packed(k, k)]));
    }
    return 0.5 * squares / square(sigma) - log_determinant;
  }

  /**
   * C_j^-1 S' e_j for every level j at once.
   *
   * @param C Cholesky factors of all levels, lower triangles packed
   * @param S lower triangular matrix
   * @param e one vector an effect, one element a level
   * @param J number of levels
   */
  array[] vector batched_solve(array[] vector C, matrix S, array[] vector e, int J) {
    int q = rows(S);
    array[q] vector[J] w;
    for (k in 1:q) {
      vector[J] v = S[k, k] * e[k];
      for (h in (k + 1):q) {
        v += S[h, k] * e[h];
      }
      for (h in 1:(k - 1)) {
        v -= C[packed(k, h)] .* w[h];
      }
      w[k] = v ./ C[packed(k, k)];
    }
    return w;
  }

  /**
   * What the effects of a grouping factor add to the log density of a Gaussian response once
   * they are integrated out; with I + S' A_j S = C_j C_j' it is solved_density of C and
   * C_j^-1 S' e_j.
   *
   * Compiled programs may bind the C++ function of the same name.
   *
   * @param A     Z_j' Z_j of all levels, lower triangles packed: one vector an entry, one element a
   *              level
   * @param S     triangular factor of the covariance of the effects over sigma^2
   * @param e     Z_j' (y - X b): one vector an effect, one element a level
   * @param sigma residual sd
   * @param J     number of levels
   */
  real integrated_density(array[] vector A, matrix S, array[] vector e, real sigma, data int J) {
    int q = rows(S);
    array[size(A)] vector[J] C = batched_cholesky(batched_precision(A, S), q, J);
    return solved_density(C, batched_solve(C, S, e, J), sigma);
  }
}
data {
  // response: score
  real log_sigma_mode;
  real<lower=0> log_sigma_reach;  // about its posterior sd
  real<lower=0> prior_sigma_df;
  real prior_sigma_location;
  real<lower=0> prior_sigma_scale;

  // common: 1 + x
  int<lower=1> K;      // columns
  vector[K] X_mean;    // means of X
  int<lower=1> P;      // coefficients
  vector[P] b_centre;  // of least squares
  matrix[P, P] W;      // W W' is about their posterior covariance
  real<lower=0> prior_Intercept_df;
  real prior_Intercept_location;
  real<lower=0> prior_Intercept_scale;
  vector[K] prior_b_location;
  vector<lower=0>[K] prior_b_scale;

  // crossproducts of score
  matrix[P, P] R;         // R'R = X'X
  real<lower=0> rss;      // residual sum of squares of least squares
  real<lower=0> weights;  // rows, or the sum of their weights

  // group 1: (x | school)
  int<lower=1> J_1;                     // levels of school
  int<lower=1> M_1;                     // effects a level: Intercept, x
  int<lower=1> T_1;                     // entries of a packed triangle
  array[T_1] vector[J_1] ZZ_1;          // Z'Z by level, packed
  array[M_1] matrix[J_1, P] ZX_1;       // Z'X by level
  array[M_1] vector[J_1] Ze_1;          // Z'e by level
  vector[M_1] log_sd_1_mode;
  vector<lower=0>[M_1] log_sd_1_reach;  // about its posterior sd
  vector<lower=0>[M_1] prior_sd_1_df;
  vector[M_1] prior_sd_1_location;
  vector<lower=0>[M_1] prior_sd_1_scale;
  real<lower=0> prior_cor_1_eta;
}
parameters {
  // response: score
  // log residual sd
  real<offset=log_sigma_mode, multiplier=log_sigma_reach> log_sigma;

  // common: 1 + x
  vector[P] b_std;  // about independent, with sd 1

  // group 1: (x | school)
  // log sd of Intercept, x over school
  vector<offset=log_sd_1_mode, multiplier=log_sd_1_reach>[M_1] log_sd_1;
  cholesky_factor_corr[M_1] L_1;  // Cholesky factor of their correlation matrix
}
transformed parameters {
  // response: score
  real sigma = exp(log_sigma);  // residual sd

  // common: 1 + x
  vector[P] d = W * b_std;               // distance from least squares
  real Intercept = b_centre[1] + d[1];   // expected response at the means of X
  vector[K] b = b_centre[2:P] + d[2:P];  // slopes: x

  // group 1: (x | school)
  vector[M_1] sd_1 = exp(log_sd_1);  // sd of Intercept, x over school
}
model {
  // response: score
  sigma ~ student_t(prior_sigma_df, prior_sigma_location, prior_sigma_scale);
  target += log_sigma;  // Jacobian

  // common: 1 + x
  Intercept ~ student_t(prior_Intercept_df, prior_Intercept_location, prior_Intercept_scale);
  b ~ normal(prior_b_location, prior_b_scale);

  // group 1: (x | school)
  sd_1 ~ student_t(prior_sd_1_df, prior_sd_1_location, prior_sd_1_scale);
  target += sum(log_sd_1);  // Jacobian
  L_1 ~ lkj_corr_cholesky(prior_cor_1_eta);

  // likelihood: gaussian(identity)
  target += crossproducts_normal(d, sigma, weights, rss, R);
  // school: effects integrated out
  matrix[M_1, M_1] S_1 = diag_pre_multiply(sd_1, L_1) / sigma;
  array[M_1] vector[J_1] e_1 = level_residuals(Ze_1, ZX_1, d);
  target += integrated_density(ZZ_1, S_1, e_1, sigma, J_1);
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0

  // group 1: (x | school)
  // correlations of Intercept, x
  corr_matrix[M_1] cor_1 = multiply_lower_tri_self_transpose(L_1);
}
