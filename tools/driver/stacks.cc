#include "stacks.h"

#include <pthread.h>
#include <string.h>

#include <map>
#include <mutex>

namespace kmem::driver_host {
namespace {

struct Stacks {
  std::mutex mutex;
  std::map<pthread_t, Stack> known;
};
/// Threads outlive main().
Stacks& stacks() {
  static auto* all = new Stacks;
  return *all;
}

/// libc keeps the upper part of a stack for the next thread, with all that is on it.
__attribute__((noinline)) void wipe_below() {
  char unused[1 << 16];
  explicit_bzero(unused, sizeof unused);
}

}  // namespace

OwnStack::OwnStack() {
  pthread_attr_t about;
  if (pthread_getattr_np(pthread_self(), &about)) return;
  Stack stack = {};
  pthread_attr_getstack(&about, &stack.begin, &stack.bytes);
  pthread_attr_destroy(&about);
  const std::lock_guard lock(stacks().mutex);
  stacks().known[pthread_self()] = stack;
}

OwnStack::~OwnStack() {
  wipe_below();
  const std::lock_guard lock(stacks().mutex);
  stacks().known.erase(pthread_self());
}

std::vector<Stack> other_stacks() {
  const std::lock_guard lock(stacks().mutex);
  std::vector<Stack> others;
  for (const auto& [thread, stack] : stacks().known)
    if (!pthread_equal(thread, pthread_self())) others.push_back(stack);
  return others;
}

}  // namespace kmem::driver_host
