// score ~ x + (1 | school:year) + (1 | floor) + (1 | school)
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
   * What effects add to the sum of squares: the sum over the levels of r_j' A_j r_j - 2 e_j' r_j.
   *
   * @param r effects, one row a level
   * @param A crossproducts of all levels, lower triangles packed
   * @param e sums within levels of effect columns times residuals
   */
  real effect_squares(matrix r, array[] vector A, array[] vector e) {
    real out = 0;
    for (k in 1:size(e)) {
      out += dot_product(r[, k], A[packed(k, k)] .* r[, k] - 2 * e[k]);
      for (h in 1:(k - 1)) {
        out += 2 * dot_product(r[, k], A[packed(k, h)] .* r[, h]);
      }
    }
    return out;
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
   * Sums of the elements of each segment of a vector.
   *
   * By differences of a cumulative sum: with 69,279 entries of 3,000 x 1,100, 0.65 ms a gradient
   * on the embedded engine, where csr_matrix_times_vector took 9.4 ms.
   *
   * @param x    vector
   * @param ends 1, then for each segment one past its last element
   */
  vector segment_sums(vector x, array[] int ends) {
    int n = size(ends);
    vector[num_elements(x) + 1] total = append_row(0, cumulative_sum(x));
    return total[ends[2:n]] - total[ends[1:(n - 1)]];
  }

  /**
   * Crossproducts of an outer factor's levels once a factor nested in it has been integrated
   * out: A less the sum of G_i' G_i over the levels i within each.
   *
   * @param A    crossproducts of all outer levels, lower triangles packed
   * @param G    C_i^-1 S' Z_i' Z_outer: an array over outer and inner effects
   * @param at   inner levels, those of one outer level after the other
   * @param ends 1, then for each outer level one past its last inner level
   */
  array[] vector fold_precision(array[] vector A, array[,] vector G, array[] int at,
                                array[] int ends) {
    array[size(A)] vector[num_elements(A[1])] out;
    for (r in 1:size(G)) {
      for (s in 1:r) {
        vector[size(at)] total = G[r, 1] .* G[s, 1];
        for (h in 2:size(G[1])) {
          total += G[r, h] .* G[s, h];
        }
        out[packed(r, s)] = A[packed(r, s)] - segment_sums(total[at], ends);
      }
    }
    return out;
  }

  /**
   * Residuals within an outer factor's levels once a factor nested in it has been integrated
   * out: e less the sum of G_i' w_i over the levels i within each.
   *
   * @param e    one vector an outer effect, one element an outer level
   * @param G    C_i^-1 S' Z_i' Z_outer: an array over outer and inner effects
   * @param w    C_i^-1 S' e_i of the inner factor
   * @param at   inner levels, those of one outer level after the other
   * @param ends 1, then for each outer level one past its last inner level
   */
  array[] vector fold_residuals(array[] vector e, array[,] vector G, array[] vector w,
                                array[] int at, array[] int ends) {
    array[size(e)] vector[num_elements(e[1])] out;
    for (r in 1:size(e)) {
      vector[size(at)] total = G[r, 1] .* w[1];
      for (h in 2:size(w)) {
        total += G[r, h] .* w[h];
      }
      out[r] = e[r] - segment_sums(total[at], ends);
    }
    return out;
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

  // group 2: (1 | floor)
  int<lower=1> J_2;               // levels of floor
  int<lower=1> M_2;               // effects a level: Intercept
  int<lower=1> T_2;               // entries of a packed triangle
  array[T_2] vector[J_2] A_2;     // information by level at the fit, packed
  array[M_2] vector[J_2] c_2;     // its score
  array[M_2] matrix[J_2, P] B_2;  // how that moves with the coefficients
  real log_sd_2_mode;
  real<lower=0> log_sd_2_reach;   // about its posterior sd
  real<lower=0> prior_sd_2_df;
  real prior_sd_2_location;
  real<lower=0> prior_sd_2_scale;

  // group 3: (1 | school)
  int<lower=1> J_3;                // levels of school
  int<lower=1> M_3;                // effects a level: Intercept
  int<lower=1> T_3;                // entries of a packed triangle
  array[T_3] vector[J_3] ZZ_3;     // Z'Z by level, packed
  array[M_3] matrix[J_3, P] ZX_3;  // Z'X by level
  array[M_3] vector[J_3] Ze_3;     // Z'e by level
  real log_sd_3_mode;
  real<lower=0> log_sd_3_reach;    // about its posterior sd
  real<lower=0> prior_sd_3_df;
  real prior_sd_3_location;
  real<lower=0> prior_sd_3_scale;

  // group 1: (1 | school:year)
  int<lower=1> J_1;                // levels of school:year
  int<lower=1> M_1;                // effects a level: Intercept
  int<lower=1> T_1;                // entries of a packed triangle
  array[T_1] vector[J_1] ZZ_1;     // Z'Z by level, packed
  array[M_1] matrix[J_1, P] ZX_1;  // Z'X by level
  array[M_1] vector[J_1] Ze_1;     // Z'e by level
  real log_sd_1_mode;
  real<lower=0> log_sd_1_reach;    // about its posterior sd
  real<lower=0> prior_sd_1_df;
  real prior_sd_1_location;
  real<lower=0> prior_sd_1_scale;

  // likelihood: gaussian(identity)
  array[T_2] vector[J_2] ZZ_2;                // Z'Z by level, packed
  array[M_2] matrix[J_2, P] ZX_2;             // Z'X by level
  array[M_2] vector[J_2] Ze_2;                // Z'e by level
  array[M_1] matrix[J_1, J_2 * M_2] ZZ_1_2;   // Z'Z of school:year and floor
  array[M_3] matrix[J_3, J_2 * M_2] ZZ_3_2;   // Z'Z of school and floor
  array[M_3, M_1] vector[J_1] ZZ_1_3;         // Z'Z of school:year and school
  array[J_1] int<lower=1, upper=J_1> at_1_3;  // school:year, school by school
  array[J_3 + 1] int<lower=1> ends_1_3;       // where each ends
}
parameters {
  // response: score
  // log residual sd
  real<offset=log_sigma_mode, multiplier=log_sigma_reach> log_sigma;

  // common: 1 + x
  vector[P] b_std;  // about independent, with sd 1

  // group 2: (1 | floor)
  // log sd of Intercept over floor
  real<offset=log_sd_2_mode, multiplier=log_sd_2_reach> log_sd_2;
  array[M_2] vector[J_2] z_2;  // about standard normal, given the data

  // group 3: (1 | school)
  // log sd of Intercept over school
  real<offset=log_sd_3_mode, multiplier=log_sd_3_reach> log_sd_3;

  // group 1: (1 | school:year)
  // log sd of Intercept over school:year
  real<offset=log_sd_1_mode, multiplier=log_sd_1_reach> log_sd_1;
}
transformed parameters {
  // response: score
  real sigma = exp(log_sigma);  // residual sd

  // common: 1 + x
  vector[P] d = W * b_std;               // distance from least squares
  real Intercept = b_centre[1] + d[1];   // expected response at the means of X
  vector[K] b = b_centre[2:P] + d[2:P];  // slopes: x

  // group 2: (1 | floor)
  real sd_2 = exp(log_sd_2);  // sd of Intercept over floor
  matrix[J_2, M_2] r_2;       // effects of each floor
  real log_prior_2;           // theirs, by z
  {
    matrix[M_2, M_2] S = rep_matrix(sd_2, 1, 1) / sigma;
    array[M_2] vector[J_2] e = level_residuals(c_2, B_2, d);
    matrix[J_2, M_2 + 1] u = conditional_effects(A_2, S, e, sigma, z_2, J_2);
    r_2 = u[, 1:M_2];
    log_prior_2 = sum(u[, M_2 + 1]);
  }

  // group 3: (1 | school)
  real sd_3 = exp(log_sd_3);  // sd of Intercept over school

  // group 1: (1 | school:year)
  real sd_1 = exp(log_sd_1);  // sd of Intercept over school:year
}
model {
  // response: score
  sigma ~ student_t(prior_sigma_df, prior_sigma_location, prior_sigma_scale);
  target += log_sigma;  // Jacobian

  // common: 1 + x
  Intercept ~ student_t(prior_Intercept_df, prior_Intercept_location, prior_Intercept_scale);
  b ~ normal(prior_b_location, prior_b_scale);

  // group 2: (1 | floor)
  sd_2 ~ student_t(prior_sd_2_df, prior_sd_2_location, prior_sd_2_scale);
  target += log_sd_2;  // Jacobian
  target += log_prior_2;

  // group 3: (1 | school)
  sd_3 ~ student_t(prior_sd_3_df, prior_sd_3_location, prior_sd_3_scale);
  target += log_sd_3;  // Jacobian

  // group 1: (1 | school:year)
  sd_1 ~ student_t(prior_sd_1_df, prior_sd_1_location, prior_sd_1_scale);
  target += log_sd_1;  // Jacobian

  // likelihood: gaussian(identity)
  array[M_2] vector[J_2] e_2 = level_residuals(Ze_2, ZX_2, d);
  real squares = rss + effect_squares(r_2, ZZ_2, e_2);
  target += crossproducts_normal(d, sigma, weights, squares, R);
  matrix[M_1, M_1] S_1 = rep_matrix(sd_1, 1, 1) / sigma;  // school:year: effects integrated out
  array[M_1] vector[J_1] e_1 = level_residuals(Ze_1, ZX_1, d);
  e_1 = crossed_products(e_1, ZZ_1_2, r_2);
  array[T_1] vector[J_1] C_1 = batched_cholesky(batched_precision(ZZ_1, S_1), M_1, J_1);
  array[M_1] vector[J_1] w_1 = batched_solve(C_1, S_1, e_1, J_1);
  target += solved_density(C_1, w_1, sigma);
  array[M_3, M_1] vector[J_1] G_1_3 = ZZ_1_3;
  for (m in 1:M_3) {
    G_1_3[m] = batched_solve(C_1, S_1, G_1_3[m], J_1);
  }
  matrix[M_3, M_3] S_3 = rep_matrix(sd_3, 1, 1) / sigma;  // school: effects integrated out
  array[M_3] vector[J_3] e_3 = level_residuals(Ze_3, ZX_3, d);
  e_3 = crossed_products(e_3, ZZ_3_2, r_2);
  e_3 = fold_residuals(e_3, G_1_3, w_1, at_1_3, ends_1_3);
  array[T_3] vector[J_3] A_3 = fold_precision(ZZ_3, G_1_3, at_1_3, ends_1_3);
  target += integrated_density(A_3, S_3, e_3, sigma, J_3);
}
generated quantities {
  // common: 1 + x
  real b_Intercept = Intercept - dot_product(X_mean, b);  // intercept at X = 0
}
