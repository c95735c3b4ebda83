/**
 * Student t distribution of all entries of a matrix together: normal ones with a common scale
 * that is not known. The same for all rotations of rows and of columns.
 *
 * @param A     matrix
 * @param df    degrees of freedom
 * @param scale scale of each entry
 */
real joint_student_t(matrix A, real df, real scale) {
  return -0.5 * (df + num_elements(A)) * log1p(sum(square(A)) / (df * square(scale)));
}
