/**
 * Effects of rows that belong to several levels: sums of the levels' effects, weighted by the
 * rows' shares. By vectors: the embedded engine took ten times as long for rows of a matrix.
 *
 * @param r     effects of the levels
 * @param level levels of the rows: one array a membership, one element a row
 * @param share weights of the memberships, likewise
 */
vector member_sums(vector r, data array[,] int level, data array[] vector share) {
  vector[size(level[1])] out = share[1] .* r[level[1]];
  for (m in 2:size(level)) {
    out += share[m] .* r[level[m]];
  }
  return out;
}
