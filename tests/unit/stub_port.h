#pragma once
// A port for tests of the layers below pages: it remembers what was said, and its clock stands still until moved.
// Each test is one program, so the functions are defined here.

#include <setjmp.h>

#include <cstdlib>
#include <string>

#include "port/port.h"

namespace kmem::test {

struct StubPort {
  std::string log;
  unsigned log_calls = 0;
  uint64_t now_ns = 1'000'000'000;
  unsigned nr_frames = 0;    // what backtrace() answers
  jmp_buf* panic = nullptr;  // where panic() goes; without one the program ends
};
inline StubPort stub;

/// Runs `f`; true where it ended in a panic.
template <typename F>
bool panics(F&& f) {
  jmp_buf back;
  stub.panic = &back;
  if (setjmp(back)) {
    stub.panic = nullptr;
    return true;
  }
  f();
  stub.panic = nullptr;
  return false;
}

}  // namespace kmem::test

extern "C" {
uint64_t kmem_port_now_ns(void) { return kmem::test::stub.now_ns; }
void kmem_port_log(const char* text, size_t bytes) {
  kmem::test::stub.log.append(text, bytes);
  ++kmem::test::stub.log_calls;
}
unsigned kmem_port_backtrace(void** frames, unsigned max) {
  const unsigned n = kmem::test::stub.nr_frames < max ? kmem::test::stub.nr_frames : max;
  for (unsigned i = 0; i < n; ++i) frames[i] = reinterpret_cast<void*>(uintptr_t{0x400000} + i);
  return n;
}
[[noreturn]] void kmem_port_panic(void) {
  if (kmem::test::stub.panic) longjmp(*kmem::test::stub.panic, 1);
  std::abort();
}
#ifdef KMEM_SIM
void kmem_sim_step() {}
#endif
}
