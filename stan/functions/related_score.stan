/**
 * T' e of effects T x, as related_precision has them.
 *
 * @param S lower triangular factors of the effects of all levels, packed
 * @param e score of the effects: one vector an effect, one element a level
 * @param R levels from coordinates
 * @param J number of levels
 */
vector related_score(array[] vector S, array[] vector e, data matrix R, data int J) {
  int q = size(e);
  vector[q * J] v;
  for (h in 1:q) {
    vector[J] own = S[packed(h, h)] .* e[h];
    for (k in (h + 1):q) {
      own += S[packed(k, h)] .* e[k];
    }
    v[((h - 1) * J + 1):(h * J)] = R' * own;
  }
  return v;
}
