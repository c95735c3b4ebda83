/**
 * What conditional_effects returns, one level after the other: for many effects, as
 * integrated_by_level.
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
matrix conditional_by_level(data array[] vector A, matrix S, array[] vector e, real sigma,
                            array[] vector z, data int J) {
  int q = rows(S);
  array[q * q] int at = unpacked(q);
  matrix[size(A), J] information;
  matrix[q, J] v;
  matrix[q, J] noise;
  matrix[q, J] s;
  matrix[J, q + 1] r;
  for (t in 1:size(A)) {
    information[t] = A[t]';
  }
  for (k in 1:q) {
    v[k] = e[k]';
    noise[k] = sigma * z[k]';
  }
  v = S' * v;
  for (j in 1:J) {
    matrix[q, q] A_j = to_matrix(information[, j][at], q, q);
    matrix[q, q] C = cholesky_decompose(add_diag(quad_form_sym(A_j, S), 1));
    vector[q] w = mdivide_left_tri_low(C, v[, j]) + noise[, j];
    s[, j] = mdivide_right_tri_low(w', C)';
    r[j, q + 1] = -0.5 * dot_self(s[, j]) / square(sigma) - sum(log(diagonal(C)));
  }
  r[, 1:q] = (S * s)';
  return r;
}
