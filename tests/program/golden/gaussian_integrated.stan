// score ~ x + (x | school)
// gaussian(identity), plan 'auto', written by hierglm VERSION
functions {
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
   * I + S' A_j S for every level j at once, lower triangles packed.
   *
   * @param A crossproducts of all levels: one vector an entry, one element a level
   * @param S lower triangular matrix
   */
  array[] vector batched_precision(array[] vector A, matrix S) {
    int q = rows(S);
    int J = num_elements(A[1]);
    array[size(A)] vector[J] M;
    for (r in 1:q) {
      for (s in 1:r) {
        vector[J] m = rep_vector(r == s ? 1 : 0, J);
        for (h in r:q) {
          for (k in s:q) {
            m += S[h, r] * S[k, s] * A[packed(max(h, k), min(h, k))];
          }
        }
        M[packed(r, s)] = m;
      }
    }
    return M;
  }

  /**
   * Cholesky factors of small matrices, of all levels at once: a fixed number of operations on
   * vectors, however many levels there are.
   *
   * @param M matrices of all levels, lower triangles packed
   * @param q their size
   */
  array[] vector batched_cholesky(array[] vector M, int q) {
    array[size(M)] vector[num_elements(M[1])] C;
    for (r in 1:q) {
      for (s in 1:r) {
        vector[num_elements(M[1])] c = M[packed(r, s)];
        for (h in 1:(s - 1)) {
          c -= C[packed(r, h)] .* C[packed(s, h)];
        }
        C[packed(r, s)] = r == s ? sqrt(c) : c ./ C[packed(s, s)];
      }
    }
    return C;
  }

  /**
   * What the effects of a grouping factor add to the log density of a Gaussian response once
   * they are integrated out (Lindstrom and Bates 1988; Bates et al. 2015, section 3).
   *
   * With M_j = I + S' A_j S = C_j C_j' and v_j = S' Z_j' (y - X b) it is the sum over the
   * levels of |C_j^-1 v_j|^2 / (2 sigma^2) - log |C_j|.
   *
   * @param d     coefficients minus least-squares coefficients
   * @param sigma residual sd
   * @param S     lower triangular; S S' is the covariance of the effects over sigma^2
   * @param ZZ    A_j = Z_j' Z_j, lower triangles packed: one vector an entry, one element a level
   * @param ZX    Z_j' X: one matrix an effect, one row a level
   * @param Ze    Z_j' e, e the residuals of the least-squares fit: one vector an effect
   */
  real integrated_effects(vector d, real sigma, matrix S, array[] vector ZZ, array[] matrix ZX,
                          array[] vector Ze) {
    int q = rows(S);
    int J = num_elements(Ze[1]);
    array[size(ZZ)] vector[J] C = batched_cholesky(batched_precision(ZZ, S), q);
    array[q] vector[J] e;
    array[q] vector[J] w;
    real squares = 0;
    real log_determinant = 0;
    for (k in 1:q) {
      e[k] = Ze[k] - ZX[k] * d;
    }
    for (k in 1:q) {
      vector[J] v = S[k, k] * e[k];
      for (h in (k + 1):q) {
        v += S[h, k] * e[h];
      }
      for (h in 1:(k - 1)) {
        v -= C[packed(k, h)] .* w[h];
      }
      w[k] = v ./ C[packed(k, k)];
      squares += dot_self(w[k]);
      log_determinant += sum(log(C[packed(k, k)]));
    }
    return 0.5 * squares / square(sigma) - log_determinant;
  }
}
data {
  // response: score
  real<lower=0> prior_sigma_df;
  real prior_sigma_location;
  real<lower=0> prior_sigma_scale;

  // common: 1 + x
  real<lower=0> prior_Intercept_df;
  real prior_Intercept_location;
  real<lower=0> prior_Intercept_scale;
  int<lower=1> K;    // columns
  vector[K] X_mean;  // means of X
  vector[K] prior_b_location;
  vector<lower=0>[K] prior_b_scale;

  // crossproducts of score
  int<lower=0> P;         // common coefficients
  vector[P] b_ols;        // their least-squares estimates
  matrix[P, P] R;         // R'R = X'X
  real<lower=0> rss;      // residual sum of squares of least squares
  real<lower=0> weights;  // rows, or the sum of their weights

  // group 1: (x | school)
  int<lower=1> J_1;                // levels of school
  int<lower=1> M_1;                // effects a level: Intercept, x
  int<lower=1> T_1;                // entries of a packed triangle
  array[T_1] vector[J_1] ZZ_1;     // Z'Z by level, packed
  array[M_1] matrix[J_1, P] ZX_1;  // Z'X by level
  array[M_1] vector[J_1] Ze_1;     // Z'e by level
  vector<lower=0>[M_1] prior_sd_1_df;
  vector[M_1] prior_sd_1_location;
  vector<lower=0>[M_1] prior_sd_1_scale;
  real<lower=0> prior_cor_1_eta;
}
parameters {
  // response: score
  real<lower=0> sigma;  // residual sd

  // common: 1 + x
  real Intercept;  // expected response at the means of X
  vector[K] b;     // slopes: x

  // group 1: (x | school)
  vector<lower=0>[M_1] sd_1;      // sd of Intercept, x over school
  cholesky_factor_corr[M_1] L_1;  // Cholesky factor of their correlation matrix
}
model {
  // response: score
  sigma ~ student_t(prior_sigma_df, prior_sigma_location, prior_sigma_scale);

  // common: 1 + x
  Intercept ~ student_t(prior_Intercept_df, prior_Intercept_location, prior_Intercept_scale);
  b ~ normal(prior_b_location, prior_b_scale);

  // group 1: (x | school)
  sd_1 ~ student_t(prior_sd_1_df, prior_sd_1_location, prior_sd_1_scale);
  L_1 ~ lkj_corr_cholesky(prior_cor_1_eta);

  // likelihood: gaussian(identity)
  vector[P] d = append_row(Intercept, b) - b_ols;
  target += crossproducts_normal(d, sigma, weights, rss, R);
  target += integrated_effects(d, sigma, diag_pre_multiply(sd_1, L_1) / sigma, ZZ_1, ZX_1, Ze_1);
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0

  // group 1: (x | school)
  // correlations of Intercept, x
  corr_matrix[M_1] cor_1 = multiply_lower_tri_self_transpose(L_1);
}
