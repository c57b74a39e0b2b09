// Per-CPU words by restartable sequences: the steps of <kmem/percpu_rseq.h>, chosen at run time, and which area a
// thread takes its CPU's number from.

#include "port/cpu_local.h"

#include <kmem/percpu_rseq.h>
#include <sched.h>
#include <sys/rseq.h>

#include "linux_port.h"

static_assert(KMEM_PERCPU_DISTANCE == kmem::kPercpuDistance && KMEM_PERCPU_STRIDE == kmem::kPercpuStride);

// Not in any sequence: the area is `none`, and its CPU is -1.
__thread kmem_percpu_thread kmem_percpu_self = {0, {0, ~0u, 0, 0, 0, 0}};

namespace kmem {
namespace {

bool no_sequences = false;

/// One size, one type: the names differ by its bits.
#define KMEM_STEPS(bits)                                                                                         \
  bool step(const CpuAccess& a, uint64_t& old, uint##bits##_t) {                                                 \
    const auto value = static_cast<uint##bits##_t>(a.value), expected = static_cast<uint##bits##_t>(a.expected); \
    uint##bits##_t found = 0;                                                                                    \
    bool done = false;                                                                                           \
    switch (a.op) {                                                                                              \
      case CpuOp::Read:                                                                                          \
        done = kmem_percpu_try_read_##bits(a.variable, &found);                                                  \
        break;                                                                                                   \
      case CpuOp::Write:                                                                                         \
        done = kmem_percpu_try_write_##bits(a.variable, value);                                                  \
        break;                                                                                                   \
      case CpuOp::Add:                                                                                           \
        done = kmem_percpu_try_add_##bits(a.variable, value);                                                    \
        break;                                                                                                   \
      case CpuOp::And:                                                                                           \
        done = kmem_percpu_try_and_##bits(a.variable, value);                                                    \
        break;                                                                                                   \
      case CpuOp::Or:                                                                                            \
        done = kmem_percpu_try_or_##bits(a.variable, value);                                                     \
        break;                                                                                                   \
      case CpuOp::Xchg:                                                                                          \
        done = kmem_percpu_try_xchg_##bits(a.variable, value, &found);                                           \
        break;                                                                                                   \
      case CpuOp::Cmpxchg:                                                                                       \
        done = kmem_percpu_try_cmpxchg_##bits(a.variable, expected, value, &found);                              \
        break;                                                                                                   \
      case CpuOp::AddReturn:                                                                                     \
        done = kmem_percpu_try_add_return_##bits(a.variable, value, &found);                                     \
        break;                                                                                                   \
    }                                                                                                            \
    if (done) old = found;                                                                                       \
    return done;                                                                                                 \
  }
KMEM_STEPS(8)
KMEM_STEPS(16)
KMEM_STEPS(32)
KMEM_STEPS(64)
#undef KMEM_STEPS

bool has_sequences() { return KMEM_PERCPU_RSEQ && __rseq_size && !no_sequences; }

/// glibc's area, as a distance from `none`; the same for all threads.
ptrdiff_t registered_area() {
  return static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset -
         reinterpret_cast<char*>(kmem_percpu_self.none);
}

}  // namespace

bool CpuLocalImpl::try_op(const CpuAccess& access, uint64_t& old) {
  switch (access.size) {
    case 1:
      return step(access, old, uint8_t{});
    case 2:
      return step(access, old, uint16_t{});
    case 4:
      return step(access, old, uint32_t{});
    default:
      return step(access, old, uint64_t{});
  }
}

#if KMEM_PERCPU_RSEQ && defined(__x86_64__)

bool CpuLocalImpl::try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected) {
again:
  asm volatile goto(KMEM_PERCPU_BEGIN
                    "cmpq %[expected], %[word]\n\t"
                    "jne %l[taken]\n\t"
                    "addq %[n], " KMEM_PERCPU_COPY KMEM_PERCPU_END
                    :
                    : KMEM_PERCPU_INPUTS, [n] "re"(n), [word] "m"(*word), [expected] "re"(expected)
                    : KMEM_PERCPU_CLOBBERS
                    : again, taken);
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return false;
}

bool CpuLocalImpl::try_take(uint32_t& cpu) {
  [[maybe_unused]] char* const variable = nullptr;
  if (!join()) return false;
  uint64_t here;
again:
  asm volatile goto(KMEM_PERCPU_BEGIN
                    "movslq %%fs:12(%[self],%%rdx), %[here]\n\t"
                    "movq $0, (%[distances],%[here],8)" KMEM_PERCPU_END
                    : [here] "=&r"(here)
                    : KMEM_PERCPU_INPUTS:KMEM_PERCPU_CLOBBERS
                    : again, taken);
  cpu = static_cast<uint32_t>(here);
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return false;
}

#elif KMEM_PERCPU_RSEQ && defined(__aarch64__)

bool CpuLocalImpl::try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected) {
again:
  KMEM_PERCPU_ASM(
      "ldr x17, [%[word]]\n\tcmp x17, %[expected]\n\tb.ne %l[taken]\n\t"
      "ldr x17, [x16]\n\tadd x17, x17, %[n]\n\tstr x17, [x16]",
      , , [n] "r"(n), [word] "r"(word), [expected] "r"(expected));
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return false;
}

bool CpuLocalImpl::try_take(uint32_t& cpu) {
  char* const variable = nullptr;
  if (!join()) return false;
  uint64_t here;
again:
  KMEM_PERCPU_ASM("ldrsw %[here], [%[area], 4]\n\tstr xzr, [%[distances], %[here], lsl 3]", [here] "=&r"(here), );
  cpu = static_cast<uint32_t>(here);
  return true;
taken:
  KMEM_PERCPU_FORGET;
  return false;
}

#else

bool CpuLocalImpl::try_add_while(char*, uint64_t, const uint64_t*, uint64_t) { return false; }
bool CpuLocalImpl::try_take(uint32_t&) { return false; }

#endif

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
