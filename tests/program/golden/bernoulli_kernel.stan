// won ~ x + (x | school) + (1 | year)
// bernoulli(logit), plan 'auto', written by hierglm VERSION
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
   * Effects about their conditional means at a penalised fit, and their log density.
   *
   * With I + S' A_j S = C_j C_j', effects are S s_j, s_j = C_j^-T (C_j^-1 S' e_j + sigma z_j): their
   * mean given all else at the fit, and what z adds. Neither centred nor standardised: wherever
   * the fit stands the posterior is the same, and close to it z is nearly standard normal. The
   * density is that of effects with covariance sigma^2 S S', as a density of z: a standard normal
   * one and the Jacobian, -|s_j|^2 / (2 sigma^2) - log |C_j|.
   *
   * Compiled programs may bind the C++ function of the same name.
   *
   * @param A     information about the effects by level, lower triangles packed: one vector an
   *              entry, one element a level
   * @param S     their scale, lower triangular
   * @param e     their score by level: one vector an effect, one element a level
   * @param sigma residual sd, 1 where there is none
   * @param z     as e
   * @param J     number of levels
   * @return      one row a level: its effects, then its log density
   */
  matrix conditional_effects(data array[] vector A, matrix S, array[] vector e, real sigma,
                             array[] vector z, data int J) {
    int q = rows(S);
    array[size(A)] vector[J] C = batched_cholesky(batched_precision(A, S), q, J);
    array[q] vector[J] s = batched_solve(C, S, e, J);
    vector[J] density = rep_vector(0, J);
    matrix[J, q + 1] r = rep_matrix(0, J, q + 1);
    for (i in 1:q) {
      int k = q + 1 - i;
      s[k] += sigma * z[k];
      for (h in (k + 1):q) {
        s[k] -= C[packed(h, k)] .* s[h];
      }
      s[k] ./= C[packed(k, k)];
      density -= 0.5 * square(s[k] / sigma) + log(C[packed(k, k)]);
    }
    for (k in 1:q) {
      for (h in 1:k) {
        r[, k] += S[k, h] * s[h];
      }
    }
    r[, q + 1] = density;
    return r;
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

  /**
   * Linear predictor of each row: alpha + offset + X b + the sum over the group terms of Z u.
   *
   * @param alpha   intercept
   * @param X       columns
   * @param b       their coefficients
   * @param offset_ added to the predictor; empty where there is none
   * @param Z       columns of the effects of all group terms, side by side
   * @param level   for each term the level of each row
   * @param J       for each term the number of levels
   * @param M       for each term the number of effects a level
   * @param u       effects of all terms: term by term, effect by effect, level by level
   */
  vector row_predictor(real alpha, data matrix X, vector b, data vector offset_, data matrix Z,
                       data array[,] int level, data array[] int J, data array[] int M, vector u) {
    vector[rows(X)] eta = alpha + X * b;
    int column = 1;
    int start = 1;
    if (num_elements(offset_) > 0) {
      eta += offset_;
    }
    for (k in 1:size(M)) {
      for (m in 1:M[k]) {
        eta += Z[, column] .* segment(u, start, J[k])[level[k]];
        column += 1;
        start += J[k];
      }
    }
    return eta;
  }

  /**
   * Log likelihood of rows of a Bernoulli response with logit link.
   *
   * Compiled programs may bind the C++ function of the same name, which passes over the rows once.
   *
   * @param y  response
   * @param alpha, X, b, offset_, Z, level, J, M, u  linear predictor, as in row_predictor
   */
  real bernoulli_logit_rows(data array[] int y, real alpha, data matrix X, vector b,
                            data vector offset_, data matrix Z, data array[,] int level,
                            data array[] int J, data array[] int M, vector u) {
    vector[rows(X)] eta = row_predictor(alpha, X, b, offset_, Z, level, J, M, u);
    return sum(log_inv_logit((2 * to_vector(y) - 1) .* eta));
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

  // likelihood: bernoulli(logit)
  array[2] int J = {J_1, J_2};                 // levels of each group term
  array[2] int M = {M_1, 1};                   // effects a level
  array[2, N] int level = {group_1, group_2};  // levels of each row
  // columns of the effects
  matrix[N, M_1 + 1] Z = append_col(Z_1, rep_vector(1, N));
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
    array[M_2] vector[J_2] e = level_residuals(c_2, B_2, d);
    matrix[J_2, M_2 + 1] u = conditional_effects(A_2, S, e, 1, z_2, J_2);
    r_2 = u[, 1:M_2];
    log_prior_2 = sum(u[, M_2 + 1]);
  }

  // group 1: (x | school)
  vector[M_1] sd_1 = exp(log_sd_1);  // sd of Intercept, x over school
  matrix[J_1, M_1] r_1;              // effects of each school
  real log_prior_1;                  // theirs, by z
  {
    matrix[M_1, M_1] S = diag_pre_multiply(sd_1, L_1);
    array[M_1] vector[J_1] e = level_residuals(c_1, B_1, d);
    e = crossed_products(e, F_1_2, r_2);
    matrix[J_1, M_1 + 1] u = conditional_effects(A_1, S, e, 1, z_1, J_1);
    r_1 = u[, 1:M_1];
    log_prior_1 = sum(u[, M_1 + 1]);
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
  target += bernoulli_logit_rows(y, Intercept, Xc, b, rep_vector(0, 0),
                                 Z, level, J, M, append_row(to_vector(r_1), to_vector(r_2)));
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0

  // group 1: (x | school)
  // correlations of Intercept, x
  corr_matrix[M_1] cor_1 = multiply_lower_tri_self_transpose(L_1);
}
