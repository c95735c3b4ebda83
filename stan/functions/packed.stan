/**
 * Place of an entry of a symmetric or lower triangular matrix that is stored row by row.
 *
 * @param row    row, counted from 1
 * @param column column, at most row
 */
int packed(int row, int column) {
  return (row * (row - 1)) %/% 2 + column;
}
