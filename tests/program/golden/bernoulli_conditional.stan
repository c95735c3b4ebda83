// won ~ x + (x | school) + (1 | year)
// bernoulli(logit), plan 'auto', written by hierglm VERSION
functions {
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
   * Effects over their scale, C_j^-T (w_j + sigma z_j) for every level j: their mean given all
   * else at a penalised fit, and what z adds. Neither centred nor standardised: wherever the
   * fit stands the posterior is the same, and close to it z is nearly standard normal.
   *
   * @param C     Cholesky factors of I + S' A_j S, lower triangles packed
   * @param w     C_j^-1 S' e_j: one vector an effect, one element a level
   * @param sigma residual sd, 1 where there is none
   * @param z     one vector an effect, one element a level
   */
  array[] vector conditional_effects(array[] vector C, array[] vector w, real sigma,
                                     array[] vector z) {
    int q = size(z);
    array[q] vector[num_elements(z[1])] s;
    for (i in 1:q) {
      int k = q + 1 - i;
      vector[num_elements(z[1])] v = w[k] + sigma * z[k];
      for (h in (k + 1):q) {
        v -= C[packed(h, k)] .* s[h];
      }
      s[k] = v ./ C[packed(k, k)];
    }
    return s;
  }

  /**
   * Log prior density of effects S s_j with covariance sigma^2 S S', as a density of the z_j
   * of conditional_effects: a standard normal one and the Jacobian, the sum over the levels of
   * -|s_j|^2 / (2 sigma^2) - log |C_j|.
   *
   * @param C     Cholesky factors of I + S' A_j S, lower triangles packed
   * @param s     effects over their scale: one vector an effect, one element a level
   * @param sigma residual sd, 1 where there is none
   */
  real conditional_density(array[] vector C, array[] vector s, real sigma) {
    real squares = 0;
    real log_determinant = 0;
    for (k in 1:size(s)) {
      squares += dot_self(s[k]);
      log_determinant += sum(log(C[packed(k, k)]));
    }
    return -0.5 * squares / square(sigma) - log_determinant;
  }

  /**
   * Effects S s_j, one row a level.
   *
   * @param S lower triangular matrix
   * @param s one vector an effect, one element a level
   * @param J number of levels
   */
  matrix effect_matrix(matrix S, array[] vector s, int J) {
    matrix[J, rows(S)] r;
    for (k in 1:rows(S)) {
      vector[J] v = S[k, 1] * s[1];
      for (h in 2:k) {
        v += S[k, h] * s[h];
      }
      r[, k] = v;
    }
    return r;
  }

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
   * What the effects of another factor take from the residuals within levels: e - F r, F dense.
   *
   * @param e one vector an effect, one element a level
   * @param F Z' Z_other: one matrix an effect; its columns are the other factor's levels, for
   *          one of its effects after the other
   * @param r effects of the other factor, one row a level
   */
  array[] vector crossed_products(array[] vector e, array[] matrix F, matrix r) {
    array[size(F)] vector[rows(F[1])] out;
    for (k in 1:size(F)) {
      out[k] = e[k] - F[k] * to_vector(r);
    }
    return out;
  }
}
data {
  // response: won
  int<lower=1> N;                    // rows
  array[N] int<lower=0, upper=1> y;  // won

  // common: 1 + x
  int<lower=1> K;      // columns
  matrix[N, K] X;      // x
  vector[K] X_mean;    // means of X
  int<lower=1> P;      // coefficients
  vector[P] b_centre;  // of the penalised fit
  matrix[P, P] W;      // W W' is about their posterior covariance
  real<lower=0> prior_Intercept_df;
  real prior_Intercept_location;
  real<lower=0> prior_Intercept_scale;
  vector[K] prior_b_location;
  vector<lower=0>[K] prior_b_scale;

  // group 2: (1 | year)
  int<lower=1> J_2;                          // levels of year
  int<lower=1> M_2;                          // effects a level: Intercept
  int<lower=1> T_2;                          // entries of a packed triangle
  array[N] int<lower=1, upper=J_2> group_2;  // year of each row
  array[T_2] vector[J_2] A_2;                // information by level at the fit, packed
  array[M_2] vector[J_2] c_2;                // its score
  array[M_2] matrix[J_2, P] B_2;             // how that moves with the coefficients
  real log_sd_2_mode;
  real<lower=0> log_sd_2_reach;              // about its posterior sd
  real<lower=0> prior_sd_2_df;
  real prior_sd_2_location;
  real<lower=0> prior_sd_2_scale;

  // group 1: (x | school)
  int<lower=1> J_1;                          // levels of school
  int<lower=1> M_1;                          // effects a level: Intercept, x
  int<lower=1> T_1;                          // entries of a packed triangle
  array[N] int<lower=1, upper=J_1> group_1;  // school of each row
  matrix[N, M_1] Z_1;                        // Intercept, x
  array[T_1] vector[J_1] A_1;                // information by level at the fit, packed
  array[M_1] vector[J_1] c_1;                // its score
  array[M_1] matrix[J_1, P] B_1;             // how that moves with the coefficients
  array[M_1] matrix[J_1, J_2 * M_2] F_1_2;   // and with year
  vector[M_1] log_sd_1_mode;
  vector<lower=0>[M_1] log_sd_1_reach;       // about its posterior sd
  vector<lower=0>[M_1] prior_sd_1_df;
  vector[M_1] prior_sd_1_location;
  vector<lower=0>[M_1] prior_sd_1_scale;
  real<lower=0> prior_cor_1_eta;
}
transformed data {
  // common: 1 + x
  matrix[N, K] Xc = X - rep_matrix(X_mean', N);  // centred columns
}
parameters {
  // common: 1 + x
  vector[P] b_std;  // about independent, with sd 1

  // group 2: (1 | year)
  // log sd of Intercept over year
  real<offset=log_sd_2_mode, multiplier=log_sd_2_reach> log_sd_2;
  array[M_2] vector[J_2] z_2;  // about standard normal, given the data

  // group 1: (x | school)
  // log sd of Intercept, x over school
  vector<offset=log_sd_1_mode, multiplier=log_sd_1_reach>[M_1] log_sd_1;
  cholesky_factor_corr[M_1] L_1;  // Cholesky factor of their correlation matrix
  array[M_1] vector[J_1] z_1;     // about standard normal, given the data
}
transformed parameters {
  // common: 1 + x
  vector[P] d = W * b_std;               // distance from the penalised fit
  real Intercept = b_centre[1] + d[1];   // linear predictor at the means of X
  vector[K] b = b_centre[2:P] + d[2:P];  // slopes: x

  // group 2: (1 | year)
  real sd_2 = exp(log_sd_2);  // sd of Intercept over year
  matrix[J_2, M_2] r_2;       // effects of each year
  real log_prior_2;           // theirs, by z
  {
    matrix[M_2, M_2] S = rep_matrix(sd_2, 1, 1);
    array[T_2] vector[J_2] C = batched_cholesky(batched_precision(A_2, S), M_2, J_2);
    array[M_2] vector[J_2] e = level_residuals(c_2, B_2, d);
    array[M_2] vector[J_2] s
      = conditional_effects(C, batched_solve(C, S, e, J_2), 1, z_2);
    r_2 = effect_matrix(S, s, J_2);
    log_prior_2 = conditional_density(C, s, 1);
  }

  // group 1: (x | school)
  vector[M_1] sd_1 = exp(log_sd_1);  // sd of Intercept, x over school
  matrix[J_1, M_1] r_1;              // effects of each school
  real log_prior_1;                  // theirs, by z
  {
    matrix[M_1, M_1] S = diag_pre_multiply(sd_1, L_1);
    array[T_1] vector[J_1] C = batched_cholesky(batched_precision(A_1, S), M_1, J_1);
    array[M_1] vector[J_1] e = level_residuals(c_1, B_1, d);
    e = crossed_products(e, F_1_2, r_2);
    array[M_1] vector[J_1] s
      = conditional_effects(C, batched_solve(C, S, e, J_1), 1, z_1);
    r_1 = effect_matrix(S, s, J_1);
    log_prior_1 = conditional_density(C, s, 1);
  }
}
model {
  // common: 1 + x
  Intercept ~ student_t(prior_Intercept_df, prior_Intercept_location, prior_Intercept_scale);
  b ~ normal(prior_b_location, prior_b_scale);

  // group 2: (1 | year)
  sd_2 ~ student_t(prior_sd_2_df, prior_sd_2_location, prior_sd_2_scale);
  target += log_sd_2;  // Jacobian
  target += log_prior_2;

  // group 1: (x | school)
  sd_1 ~ student_t(prior_sd_1_df, prior_sd_1_location, prior_sd_1_scale);
  target += sum(log_sd_1);  // Jacobian
  L_1 ~ lkj_corr_cholesky(prior_cor_1_eta);
  target += log_prior_1;

  // likelihood: bernoulli(logit)
  vector[N] eta = Intercept + to_vector(r_2)[group_2] + rows_dot_product(Z_1, r_1[group_1]);
  y ~ bernoulli_logit_glm(Xc, eta, b);
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0

  // group 1: (x | school)
  // correlations of Intercept, x
  corr_matrix[M_1] cor_1 = multiply_lower_tri_self_transpose(L_1);
}
