// Stan function nested_sums: e - F r, each level met by one level of the other factor.
#ifndef HIERGLM_NESTED_SUMS_HPP
#define HIERGLM_NESTED_SUMS_HPP

#include "sparse_sums.hpp"

namespace hierglm {

struct OneEach {
  int operator()(int level) const { return level + 1; }
};

template <typename E, typename R>
auto nested_sums(const std::vector<E>& e, const std::vector<std::vector<Eigen::VectorXd>>& F,
                 const std::vector<int>& at, const R& r, std::ostream*) {
  return take_sums("nested_sums", e, Sparse<OneEach>{F, at, {}}, r);
}

}  // namespace hierglm

using hierglm::nested_sums;

#endif
