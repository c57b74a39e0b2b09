#pragma once
// Per-CPU stacks by the port's own restartable sequences.
//
// A sequence records its first and last address in a table (section kmem_sequences), and nothing at run time. A return from an
// interrupt or exception, or from another task, into a sequence restarts it: its inputs are in registers that it does not
// change, and its last instruction is its only visible store. So no interrupts are disabled and no lock is taken, and the
// instructions are those of the Linux port, but without the two that arm a sequence there.
//
// Every CPU always has sequences. Shadow CPUs exist for the boot word rseq=off: one for each CPU, with a lock that is only
// tried.

#include "base/attributes.h"
#include "kmem_port/bare_cpu.h"

namespace kmem {
KMEM_INLINE uint32_t cpu_hint() { return bare::this_cpu_id(); }
}  // namespace kmem

#if defined(__x86_64__)

// From the label 1 to the label 2.
#define KMEM_SEQUENCE                       \
  ".pushsection kmem_sequences, \"a?\"\n\t" \
  ".quad 1f, 2f\n\t"                        \
  ".popsection\n\t"                         \
  "1:\n\t"
// %rcx = this CPU's words.
#define KMEM_SEQUENCE_WORDS \
  KMEM_SEQUENCE             \
  "movq %%gs:8, %%rcx\n\t"  \
  "addq %[base], %%rcx\n\t"

namespace kmem {

struct CpuStackSequences {
  static KMEM_INLINE void* try_pop(char* base, Slot slot) {
    void* top;
    asm volatile goto(KMEM_SEQUENCE_WORDS
                      "movq (%%rcx,%[slot],8), %%rdx\n\t"
                      "movq (%[base],%%rdx,4), %[top]\n\t"
                      "testq %[top], %[top]\n\t"
                      "jz %l[empty]\n\t"
                      "addq $2, %%rdx\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [top] "=&r"(top)
                      : [base] "r"(base), [slot] "r"(uint64_t{slot.index})
                      : "rcx", "rdx", "cc", "memory"
                      : empty);
    if (!top) __builtin_unreachable();
    return top;
  empty:
    return nullptr;
  }

  static_assert(kCountdown * sizeof(uint64_t) == 4080);
  static KMEM_INLINE void* try_pop_counted(char* base, Slot slot, size_t bytes, bool& due) {
    void* top;
    due = false;
    asm volatile goto(KMEM_SEQUENCE_WORDS
                      "movq (%%rcx,%[slot],8), %%rdx\n\t"
                      "movq (%[base],%%rdx,4), %[top]\n\t"
                      "testq %[top], %[top]\n\t"
                      "jz %l[empty]\n\t"
                      "subq %[bytes], 4080(%%rcx)\n\t"
                      "js %l[passed]\n\t"
                      "addq $2, %%rdx\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [top] "=&r"(top)
                      : [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [bytes] "r"(bytes)
                      : "rcx", "rdx", "cc", "memory"
                      : empty, passed);
    if (!top) __builtin_unreachable();
    return top;
  passed:
    due = true;
  empty:
    return nullptr;
  }

  template <ptrdiff_t kDivisors>
  static KMEM_INLINE Push try_push_object(char* base, Slot slot, const void* p) {
    const auto* divisor = reinterpret_cast<const uint32_t*>(base + kDivisors) + size_t{2} * slot.index;
    const uint32_t to_end = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p)) | divisor[0];
    return to_end * divisor[1] < divisor[1] ? try_push(base, slot, p) : Push::Inside;
  }

  static KMEM_INLINE Push try_push(char* base, Slot slot, const void* p) {
    asm volatile goto(KMEM_SEQUENCE_WORDS
                      "movq (%%rcx,%[slot],8), %%rdx\n\t"
                      "cmpq %[p], (%[base],%%rdx,4)\n\t"
                      "je %l[same]\n\t"
                      "subb $2, %%dl\n\t"
                      "jc %l[full]\n\t"
                      "movq %[p], (%[base],%%rdx,4)\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      :
                      : [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [p] "r"(p)
                      : "rcx", "rdx", "cc", "memory"
                      : full, same);
    return Push::Done;
  full:
    return Push::Full;
  same:
    return Push::Same;
  }

  /// Entries are contiguous from the top to the sheaf's capacity.
  static KMEM_INLINE unsigned try_pop_some(char* base, Slot slot, void** out, unsigned n) {
    unsigned moved;
    asm volatile goto(KMEM_SEQUENCE_WORDS
                      "movq (%%rcx,%[slot],8), %%rdx\n\t"
                      "leaq (%[base],%%rdx,4), %%rsi\n\t"
                      "movq %%rsi, %%rax\n\t"
                      "orq $1023, %%rax\n\t"
                      "movzbl -2(%%rax), %%eax\n\t"  // kCapacityByte
                      "movzbl %%dl, %%edi\n\t"
                      "shrl $1, %%edi\n\t"
                      "subl %%edi, %%eax\n\t"
                      "jz %l[empty]\n\t"
                      "cmpl %[n], %%eax\n\t"
                      "jbe 8f\n\t"
                      "movl %[n], %%eax\n\t"
                      "8:\n\t"
                      "movl %%eax, %%edi\n\t"
                      "6:\n\t"
                      "movq -8(%%rsi,%%rdi,8), %%r8\n\t"
                      "movq %%r8, -8(%[out],%%rdi,8)\n\t"
                      "decl %%edi\n\t"
                      "jnz 6b\n\t"
                      "leaq (%%rdx,%%rax,2), %%rdx\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [moved] "=&a"(moved)
                      : [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [out] "r"(out), [n] "r"(n)
                      : "rcx", "rdx", "rsi", "rdi", "r8", "cc", "memory"
                      : empty);
    return moved;
  empty:
    return 0;
  }

  /// During the copy, all pointers are or-ed into %r9 and and-ed into %r10, which gives the bits in which they differ.
  static KMEM_INLINE unsigned try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit) {
    unsigned moved;
    asm volatile goto(KMEM_SEQUENCE_WORDS
                      "movq (%%rcx,%[slot],8), %%rdx\n\t"
                      "movzbl %%dl, %%eax\n\t"
                      "shrl $1, %%eax\n\t"
                      "jz %l[full]\n\t"
                      "cmpl %[n], %%eax\n\t"
                      "jbe 8f\n\t"
                      "movl %[n], %%eax\n\t"
                      "8:\n\t"
                      "movl %%eax, %%edi\n\t"
                      "movq (%[in]), %%r8\n\t"
                      "cmpq %%r8, (%[base],%%rdx,4)\n\t"
                      "je %l[unfit]\n\t"
                      "movq %%r8, %%r9\n\t"
                      "movq %%r8, %%r10\n\t"
                      "leaq (%%rax,%%rax), %%rsi\n\t"
                      "subq %%rsi, %%rdx\n\t"
                      "leaq (%[base],%%rdx,4), %%rsi\n\t"
                      "6:\n\t"
                      "movq -8(%[in],%%rdi,8), %%r8\n\t"
                      "movq %%r8, -8(%%rsi,%%rdi,8)\n\t"
                      "orq %%r8, %%r9\n\t"
                      "andq %%r8, %%r10\n\t"
                      "decl %%edi\n\t"
                      "jnz 6b\n\t"
                      "xorq %%r9, %%r10\n\t"
                      "andq %[same], %%r10\n\t"
                      "andq %[zero], %%r9\n\t"
                      "orq %%r9, %%r10\n\t"
                      "jnz %l[unfit]\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [moved] "=&a"(moved)
                      : [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [in] "r"(in), [n] "r"(n), [same] "m"(fit.same),
                        [zero] "m"(fit.zero)
                      : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "cc", "memory"
                      : full, unfit);
    return moved;
  full:
    return 0;
  unfit:
    return kUnfit;
  }

  static bool replace_here(uint64_t* word, uint32_t cpu, uint64_t expected, uint64_t desired) {
    asm volatile goto(KMEM_SEQUENCE
                      "cmpl %[cpu], %%gs:16\n\t"
                      "jne %l[lost]\n\t"
                      "cmpq %[expected], (%[word])\n\t"
                      "jne %l[lost]\n\t"
                      "movq %[desired], (%[word])\n\t"
                      "2:\n\t"
                      :
                      : [cpu] "r"(cpu), [word] "r"(word), [expected] "r"(expected), [desired] "r"(desired)
                      : "cc", "memory"
                      : lost);
    return true;
  lost:
    return false;
  }
};

}  // namespace kmem

#elif defined(__i386__)

#include "kmem_port/sequences_i386.h"

#elif defined(__aarch64__)

// From the label 1 to the label 2.
#define KMEM_RSEQ_BEGIN(aborted)            \
  ".pushsection kmem_sequences, \"a?\"\n\t" \
  ".balign 8\n\t"                           \
  ".quad 1f, 2f\n\t"                        \
  ".popsection\n\t"                         \
  "1:\n\t"
#define KMEM_RSEQ_WORDS    \
  "mrs x16, tpidr_el1\n\t" \
  "ldr x16, [x16, 8]\n\t"  \
  "add x16, x16, %[base]\n\t"
#define KMEM_RSEQ_CPU      \
  "mrs x17, tpidr_el1\n\t" \
  "ldr w17, [x17, 16]\n\t"
#define KMEM_RSEQ_INPUTS

#include "port/sequences_arm64.h"

#endif

#include "port/no_own_shadow.h"

#include "port/cpu_stack_by_sequences.h"
