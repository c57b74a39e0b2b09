// Per-CPU words by restartable sequences: the steps of <kmem/percpu_rseq.h>, chosen at run time, and the rseq area from which a
// thread gets its CPU number.

#include "port/cpu_local.h"

// This kmem's own distances: the public name leads to the first kmem of the process.
#define kmem_percpu_distances kmem_percpu_own_distances
#include <kmem/percpu_rseq.h>
#include <sched.h>
#include <sys/rseq.h>

#include "linux_port.h"
#include "port/cpu_stack.h"

static_assert(KMEM_PERCPU_DISTANCE == kmem::kPercpuDistance && KMEM_PERCPU_STRIDE == kmem::kPercpuStride);

// A thread that has not joined: the area is `none`, with CPU -1.
__thread kmem_percpu_thread kmem_percpu_self = {0, {0, ~0u, 0, 0, 0, 0}};

namespace kmem {
namespace {

bool no_sequences = false;

/// The functions for one size; their names contain its number of bits.
#define KMEM_STEPS(bits)                                                                                         \
  bool step(const CpuAccess& a, uint64_t& old, uint##bits##_t) {                                                 \
    const auto value = static_cast<uint##bits##_t>(a.value), expected = static_cast<uint##bits##_t>(a.expected); \
    uint##bits##_t found = 0;                                                                                    \
    switch (a.op) {                                                                                              \
      case CpuOp::Read:                                                                                          \
        if (!kmem_percpu_try_read_##bits(a.variable, &found)) return made_here(false);                           \
        break;                                                                                                   \
      case CpuOp::Write:                                                                                         \
        if (!kmem_percpu_try_write_##bits(a.variable, value)) return made_here(false);                           \
        break;                                                                                                   \
      case CpuOp::Add:                                                                                           \
        if (!kmem_percpu_try_add_##bits(a.variable, value)) return made_here(false);                             \
        break;                                                                                                   \
      case CpuOp::And:                                                                                           \
        if (!kmem_percpu_try_and_##bits(a.variable, value)) return made_here(false);                             \
        break;                                                                                                   \
      case CpuOp::Or:                                                                                            \
        if (!kmem_percpu_try_or_##bits(a.variable, value)) return made_here(false);                              \
        break;                                                                                                   \
      case CpuOp::Xchg:                                                                                          \
        if (!kmem_percpu_try_xchg_##bits(a.variable, value, &found)) return made_here(false);                    \
        break;                                                                                                   \
      case CpuOp::Cmpxchg:                                                                                       \
        if (!kmem_percpu_try_cmpxchg_##bits(a.variable, expected, value, &found)) return made_here(false);       \
        break;                                                                                                   \
      case CpuOp::AddReturn:                                                                                     \
        if (!kmem_percpu_try_add_return_##bits(a.variable, value, &found)) return made_here(false);              \
        break;                                                                                                   \
    }                                                                                                            \
    old = found;                                                                                                 \
    return true;                                                                                                 \
  }
KMEM_STEPS(8)
KMEM_STEPS(16)
KMEM_STEPS(32)
KMEM_STEPS(64)
#undef KMEM_STEPS

bool has_sequences() { return KMEM_PERCPU_RSEQ && __rseq_size && !no_sequences; }

/// glibc's area, as a distance from `none`; the same for all threads.
ptrdiff_t registered_area() {
  return static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset - reinterpret_cast<char*>(kmem_percpu_self.none);
}

bool step_once(const CpuAccess& access, uint64_t& old) {
  switch (access.size) {
    case 1: return step(access, old, uint8_t{});
    case 2: return step(access, old, uint16_t{});
    case 4: return step(access, old, uint32_t{});
    default: return step(access, old, uint64_t{});
  }
}

/// A refused step may have been aborted by a signal, and then another try helps; a debugger that single-steps aborts every try.
constexpr int kTries = 3;
/// The rseq area is libc's, near kmem_percpu_self in thread-local storage; to UBSan it lies beyond the object.
__attribute__((no_sanitize("object-size"))) bool copy_is_free() {
  const auto* area = reinterpret_cast<const char*>(kmem_percpu_self.none) + kmem_percpu_self.area;
  const int32_t cpu = *reinterpret_cast<const volatile int32_t*>(area + 4);
  return __atomic_load_n(&kmem_percpu_distances[cpu], __ATOMIC_RELAXED) != 0;
}
template <typename Try>
bool try_a_few_times(Try try_once) {
  for (int i = 0; i < kTries; ++i) {
    if (try_once()) return true;
    if (!copy_is_free()) return false;
  }
  return false;
}

}  // namespace

bool CpuLocalImpl::try_op(const CpuAccess& access, uint64_t& old) {
  return try_a_few_times([&] { return step_once(access, old); });
}

#if KMEM_PERCPU_RSEQ && defined(__x86_64__)

bool CpuLocalImpl::try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected) {
  asm volatile goto(KMEM_PERCPU_BEGIN
                    "cmpq %[expected], %[word]\n\t"
                    "jne %l[taken]\n\t"
                    "addq %[n], " KMEM_PERCPU_COPY KMEM_PERCPU_END
                    :
                    : KMEM_PERCPU_INPUTS, [n] "re"(n), [word] "m"(*word), [expected] "re"(expected)
                    : KMEM_PERCPU_CLOBBERS
                    : taken);
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return false;
}

static bool take_once(uint32_t& cpu) {
  [[maybe_unused]] char* const variable = nullptr;
  uint64_t here;
  asm volatile goto(KMEM_PERCPU_BEGIN
                    "movslq %%fs:12(%[self],%%rdx), %[here]\n\t"
                    "movq $0, (%[distances],%[here],8)" KMEM_PERCPU_END
                    : [here] "=&r"(here)
                    : KMEM_PERCPU_INPUTS:KMEM_PERCPU_CLOBBERS
                    : taken);
  cpu = static_cast<uint32_t>(here);
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return made_here(false);
}

#elif KMEM_PERCPU_RSEQ && defined(__aarch64__)

bool CpuLocalImpl::try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected) {
  KMEM_PERCPU_ASM(
      "ldr x17, [%[word]]\n\tcmp x17, %[expected]\n\tb.ne %l[taken]\n\t"
      "ldr x17, [x16]\n\tadd x17, x17, %[n]\n\tstr x17, [x16]",
      , , [n] "r"(n), [word] "r"(word), [expected] "r"(expected));
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return made_here(false);
}

static bool take_once(uint32_t& cpu) {
  char* const variable = nullptr;
  uint64_t here;
  KMEM_PERCPU_ASM("ldrsw %[here], [%[area], 4]\n\tstr xzr, [%[distances], %[here], lsl 3]", [here] "=&r"(here), );
  cpu = static_cast<uint32_t>(here);
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return made_here(false);
}

#else

bool CpuLocalImpl::try_add_while(char*, uint64_t, const uint64_t*, uint64_t) { return false; }
static bool take_once(uint32_t&) { return false; }

#endif

bool CpuLocalImpl::try_take(uint32_t& cpu) {
  return join() && try_a_few_times([&] { return take_once(cpu); });
}

uint32_t CpuLocalImpl::here() {
  const int cpu = sched_getcpu();
  return cpu < 0 ? 0 : static_cast<uint32_t>(cpu) % linux_port::nr_cpus;
}

bool CpuLocalImpl::join() {
  if (!has_sequences()) return false;
  kmem_percpu_self.area = registered_area();
  return true;
}

void CpuLocalImpl::leave() { kmem_percpu_self.area = 0; }

void CpuLocalImpl::use_none() { no_sequences = true; }

}  // namespace kmem
