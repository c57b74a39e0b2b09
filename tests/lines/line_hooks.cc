// The calls that a compiler puts in front of each load and store with -fsanitize=thread, answered by the line model.
// Nothing of ThreadSanitizer itself is linked.  Calls of memset() and memcpy() are not seen: they go over objects
// and pages, which are their user's.

#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"
#include "line_model.h"

extern "C" {
extern char __executable_start[], _end[];
}

namespace lines {
namespace {

unsigned unseen = 0;

/// What the core shares between CPUs: its variables and the machine's memory, and not stacks or the test's own heap.
bool counts(const void* address) {
  const auto* at = static_cast<const char*>(address);
  return (at >= __executable_start && at < _end) || sim_port::in_machine(address);
}

}  // namespace

LineModel& model() {
  static auto& the_model = *new LineModel;  // the core reports to it until the program has ended
  return the_model;
}

Unseen::Unseen() { ++unseen; }
Unseen::~Unseen() { --unseen; }

/// For the hooks below.
void report(const volatile void* address, unsigned bytes, Access access, void* code);
void report(const volatile void* address, unsigned bytes, Access access, void* code) {
  const auto* at = const_cast<const void*>(address);
  if (unseen || !counts(at)) return;
  const Unseen own;
  model().touch(sim_port::real_cpu(), reinterpret_cast<uintptr_t>(at), bytes, access, reinterpret_cast<uintptr_t>(code));
}

}  // namespace lines

using lines::Access;

#define REPORT(address, bytes, access) lines::report(address, bytes, Access::access, __builtin_return_address(0))

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* at, unsigned long bytes) { REPORT(at, static_cast<unsigned>(bytes), Read); }
void __tsan_write_range(void* at, unsigned long bytes) { REPORT(at, static_cast<unsigned>(bytes), Write); }

#define PLAIN(bytes)                                                       \
  void __tsan_read##bytes(void* at) { REPORT(at, bytes, Read); }           \
  void __tsan_write##bytes(void* at) { REPORT(at, bytes, Write); }         \
  void __tsan_unaligned_read##bytes(void* at) { REPORT(at, bytes, Read); } \
  void __tsan_unaligned_write##bytes(void* at) { REPORT(at, bytes, Write); }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}

// The orders do not matter where one thread plays all CPUs.
#define FETCH(bits, type, name)                                                 \
  type __tsan_atomic##bits##_fetch_##name(volatile type* at, type value, int) { \
    REPORT(at, sizeof(type), Write);                                            \
    return __atomic_fetch_##name(at, value, __ATOMIC_SEQ_CST);                  \
  }
#define ATOMIC(bits, type)                                                                                      \
  type __tsan_atomic##bits##_load(const volatile type* at, int) {                                               \
    REPORT(at, sizeof(type), Read);                                                                             \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                                               \
  }                                                                                                             \
  void __tsan_atomic##bits##_store(volatile type* at, type value, int) {                                        \
    REPORT(at, sizeof(type), Write);                                                                            \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                              \
  }                                                                                                             \
  type __tsan_atomic##bits##_exchange(volatile type* at, type value, int) {                                     \
    REPORT(at, sizeof(type), Write);                                                                            \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                                    \
  }                                                                                                             \
  /* A processor fetches the line for writing whether the comparison holds or not. */                           \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* at, type* expected, type wanted, int, int) { \
    REPORT(at, sizeof(type), Write);                                                                            \
    return __atomic_compare_exchange_n(at, expected, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                             \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* at, type* expected, type wanted, int, int) {   \
    REPORT(at, sizeof(type), Write);                                                                            \
    return __atomic_compare_exchange_n(at, expected, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                             \
  FETCH(bits, type, add)                                                                                        \
  FETCH(bits, type, sub)                                                                                        \
  FETCH(bits, type, and)                                                                                        \
  FETCH(bits, type, or)                                                                                         \
  FETCH(bits, type, xor)
ATOMIC(8, unsigned char)
ATOMIC(16, unsigned short)
ATOMIC(32, unsigned int)
ATOMIC(64, unsigned long)
}
