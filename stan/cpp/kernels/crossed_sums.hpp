// Stan function crossed_sums: e - F r, F sparse.
#ifndef HIERGLM_CROSSED_SUMS_HPP
#define HIERGLM_CROSSED_SUMS_HPP

#include "sparse_sums.hpp"

namespace hierglm {

struct EndsInList {
  const std::vector<int>& ends;
  int operator()(int level) const { return ends[level + 1] - 1; }
};

template <typename E, typename R>
auto crossed_sums(const std::vector<E>& e, const std::vector<std::vector<Eigen::VectorXd>>& F,
                  const std::vector<int>& at, const std::vector<int>& ends, const R& r,
                  std::ostream*) {
  return take_sums("crossed_sums", e, Sparse<EndsInList>{F, at, {ends}}, r);
}

}  // namespace hierglm

using hierglm::crossed_sums;

#endif
