#pragma once
// The stacks of the host's threads.  Words that ended calls left there look like pointers to a search for lost memory.

#include <cstddef>
#include <vector>

namespace kmem::driver_host {

/// A thread has one of these while it runs.
class OwnStack {
 public:
  OwnStack();
  ~OwnStack();
  OwnStack(const OwnStack&) = delete;
};

struct Stack {
  void* begin;
  size_t bytes;
};
std::vector<Stack> other_stacks();

}  // namespace kmem::driver_host
