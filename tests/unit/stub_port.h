#pragma once
// A port for tests of the layers below pages: it remembers what was said, and its clock stands still until moved.
// Each test is one program, so the functions are defined here.

#include <setjmp.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "port/port.h"
#include "port/saved_stack.h"
#include "port/task.h"

namespace kmem::test {

struct StubPort {
  std::string log;
  unsigned log_calls = 0;
  uint64_t now_ns = 1'000'000'000;
  unsigned nr_frames = 0;      // what backtrace() answers
  unsigned nr_own_frames = 0;  // what own_frames() answers
  jmp_buf* panic = nullptr;    // where panic() goes; without one the program ends
  bool code_is_text = false;   // an address of code is the text that names it; otherwise no code has a name
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
void kmem_port_probe_alloc(const void*, size_t, uint64_t) {}
void kmem_port_probe_free(const void*) {}
unsigned kmem_port_backtrace(void** frames, unsigned max) {
  const unsigned n = kmem::test::stub.nr_frames < max ? kmem::test::stub.nr_frames : max;
  for (unsigned i = 0; i < n; ++i) frames[i] = reinterpret_cast<void*>(uintptr_t{0x400000} + i);
  return n;
}
unsigned kmem_port_own_frames(void* const*, unsigned) { return kmem::test::stub.nr_own_frames; }
[[noreturn]] void kmem_port_panic(void) {
  if (kmem::test::stub.panic) longjmp(*kmem::test::stub.panic, 1);
  std::abort();
}
size_t kmem_port_name_code(const void* code, char* buffer, size_t size) {
  if (!kmem::test::stub.code_is_text) return 0;
  std::snprintf(buffer, size, "%s", static_cast<const char*>(code));
  return std::strlen(buffer);
}
#ifdef KMEM_SIM
// The simulated port is one piece: whoever stands in for a part of it stands in for all that is used.
void kmem_sim_step() {}
bool kmem_port_in_interrupt(void) { return false; }
#ifndef KMEM_TEST_BRINGS_TASKS
uint64_t kmem_port_entropy(void) { return 0x9e3779b97f4a7c15u; }
bool kmem_port_is_constant(const void*) { return false; }
bool kmem_port_locate(const void*, char*, size_t, uint64_t*) { return false; }
bool kmem_port_save_stack(kmem::SavedStack*) { return false; }
kmem::TaskState* kmem_port_task(void) {
  static kmem::TaskState task;
  return &task;
}
#endif
#endif
}
