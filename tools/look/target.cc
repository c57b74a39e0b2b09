#include "target.h"

#include <sys/stat.h>
#include <sys/user.h>

#include <algorithm>
#include <cstddef>

#include "../kmem/failure.h"

namespace kmem::tool {

const Range* Target::range_of(uint64_t at) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), at, [](uint64_t a, const Range& r) { return a < r.to; });
  return after != ranges_.end() && at >= after->from ? &*after : nullptr;
}

uint64_t stack_pointer(const std::vector<uint64_t>& registers) {
#if defined(__x86_64__)
  constexpr size_t kAt = offsetof(user_regs_struct, rsp) / sizeof(uint64_t);
#else
  constexpr size_t kAt = offsetof(user_regs_struct, sp) / sizeof(uint64_t);
#endif
  return kAt < registers.size() ? registers[kAt] : 0;
}

std::unique_ptr<Target> open_target(const std::string& what, Meanwhile meanwhile) {
  const bool number = !what.empty() && what.size() < 10 &&
                      std::all_of(what.begin(), what.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
  struct stat is;
  if (number && stat(what.c_str(), &is) != 0) return open_process(std::stoi(what), meanwhile);
  return open_core(what);
}

}  // namespace kmem::tool
