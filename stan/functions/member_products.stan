/**
 * Columns times the effects of rows that belong to several levels, summed over the effects.
 *
 * @param Z     columns, one an effect
 * @param r     effects, one row a level
 * @param level levels of the rows: one array a membership, one element a row
 * @param share weights of the memberships, likewise
 */
vector member_products(data matrix Z, matrix r, data array[,] int level,
                       data array[] vector share) {
  vector[rows(Z)] out = Z[, 1] .* member_sums(r[, 1], level, share);
  for (k in 2:cols(Z)) {
    out += Z[, k] .* member_sums(r[, k], level, share);
  }
  return out;
}
