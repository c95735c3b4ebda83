/**
 * Effects about their conditional means at a penalised fit, and their log density:
 * varying_effects of levels that depend on each other.
 *
 * Effects of level j are S_j times row j of R x, x standard normal but for sigma. In coordinates
 * the fit stands for the information A, and for the factor of one the mean of those of levels, by
 * their shares in what the data say of it; the score is the levels' own. So z is nearly standard
 * normal near the fit, and the posterior is the same anywhere.
 *
 * @param A      information about the effects in coordinates at the fit, lower triangles packed:
 *               one vector an entry, one element a coordinate
 * @param S      lower triangular factors of the effects of levels over sigma, packed in the same
 *               way, one element a level
 * @param e      their score by level: one vector an effect, one element a level
 * @param sigma  residual sd, 1 where there is none
 * @param z      one vector an effect, one element a coordinate
 * @param R      levels from coordinates
 * @param shares of the levels in what the data say of each coordinate, one row a coordinate
 * @param J      number of levels
 * @return       one row a level: its effects; last the log density of a coordinate
 */
matrix related_effects(data array[] vector A, array[] vector S, array[] vector e, real sigma,
                       array[] vector z, data matrix R, data matrix shares, data int J) {
  int q = size(z);
  array[size(A)] vector[J] mean_S;
  for (t in 1:size(A)) {
    mean_S[t] = shares * S[t];
  }
  array[size(A)] vector[J] C = batched_cholesky(varying_precision(A, mean_S, q, J), q, J);
  vector[q * J] v = related_score(S, e, R, J);
  array[q] vector[J] s;
  for (k in 1:q) {
    s[k] = v[((k - 1) * J + 1):(k * J)];
    for (h in 1:(k - 1)) {
      s[k] -= C[packed(k, h)] .* s[h];
    }
    s[k] ./= C[packed(k, k)];
  }
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
  for (h in 1:q) {
    vector[J] by_level = R * s[h];
    for (k in h:q) {
      r[, k] += S[packed(k, h)] .* by_level;
    }
  }
  r[, q + 1] = density;
  return r;
}
