/**
 * Effects of rows that belong to several levels: weighted sums of the levels' effects.
 *
 * @param r     effects, one row a level
 * @param level levels of the rows: one array a membership, one element a row
 * @param share weights of the memberships, likewise
 * @return      one row a row of the data
 */
matrix member_effects(matrix r, data array[,] int level, data array[] vector share) {
  matrix[size(level[1]), cols(r)] out = diag_pre_multiply(share[1], r[level[1]]);
  for (m in 2:size(level)) {
    out += diag_pre_multiply(share[m], r[level[m]]);
  }
  return out;
}
