#pragma once
// Per-CPU stacks by restartable sequences, in the area that glibc registers for each thread.
//
// The ABI (linux/rseq.h): the thread points rseq_cs at a descriptor of a stretch of code; when the kernel preempts,
// migrates or signals the thread inside the stretch, it continues at the descriptor's abort address instead.  The last
// instruction of the stretch is its only store to shared memory, so it happened once or not at all. An aborted sequence counts
// as refused, and the slow path retries a few times (cpu_stack.cc). glibc tells where the area is (__rseq_offset from the
// thread pointer); cpu_id there is negative for a thread that the kernel refused (an old kernel, valgrind, a sandbox, a
// tunable), and such a thread never gets past the first load: see port/layout.h.  It has a shadow CPU of its own instead
// (own_shadow.h), or shares one.

#include <kmem/rseq_descriptor.h>

#include "base/attributes.h"
#include "base/sanitizer.h"
#include "port/made_here.h"

/// __rseq_offset of glibc, copied so that it is reached without the global offset table.
extern "C" KMEM_HIDDEN ptrdiff_t kmem_rseq_offset;

namespace kmem {
/// The area's first word, cpu_id_start, which is 0 in a thread that has not registered it.
KMEM_INLINE uint32_t cpu_hint() {
  uint32_t id;
#ifdef __x86_64__
  asm volatile("movl %%fs:(%1), %0" : "=r"(id) : "r"(kmem_rseq_offset));
#else
  id = *reinterpret_cast<const volatile uint32_t*>(static_cast<char*>(__builtin_thread_pointer()) + kmem_rseq_offset);
#endif
  return id;
}
}  // namespace kmem

#if defined(__aarch64__)

// The descriptor's address goes through x16.
#define KMEM_RSEQ_BEGIN(aborted) \
  KMEM_RSEQ_DESCRIPTOR(aborted)  \
  "adrp x16, 3b\n\t"             \
  "add x16, x16, :lo12:3b\n\t"   \
  "str x16, [%[area], 8]\n\t"    \
  "1:\n\t"
// In 32 bits before base is added; see x86-64's.
#define KMEM_RSEQ_WORDS       \
  "ldr w16, [%[area], 4]\n\t" \
  "lsl w16, w16, 15\n\t"      \
  "add x16, %[base], x16\n\t"
#define KMEM_RSEQ_CPU "ldr w17, [%[area], 4]\n\t"
#define KMEM_RSEQ_INPUTS [area] "r"(static_cast<char*>(__builtin_thread_pointer()) + kmem_rseq_offset),

#include "port/sequences_arm64.h"

#elif defined(__x86_64__)

// The descriptor of the sequence between the labels 1 and 2.
#define KMEM_RSEQ_BEGIN(aborted)    \
  KMEM_RSEQ_DESCRIPTOR(aborted)     \
  "leaq 3b(%%rip), %%rcx\n\t"       \
  "movq %%rcx, %%fs:8(%[rseq])\n\t" \
  "1:\n\t"

// %rcx = the address of this CPU's words: base + cpu_id * kCpuStride.  The 32-bit multiplication takes the negative
// ids of unregistered threads to the zero area at base + kBlocked.
#define KMEM_RSEQ_WORDS                      \
  "imull $32768, %%fs:4(%[rseq]), %%ecx\n\t" \
  "addq %[base], %%rcx\n\t"

// Copies %edi words, at least one, last first; `collect` processes xmm0 after each load of two words, or of one word (twice).
#define KMEM_COPY_SOME(from, to, collect)                             \
  "testb $1, %%dil\n\t"                                               \
  "jz 5f\n\t"                                                         \
  "movq -8(" from                                                     \
  ",%%rdi,8), %%xmm0\n\t"                                             \
  "movq %%xmm0, -8(" to                                               \
  ",%%rdi,8)\n\t"                                                     \
  "punpcklqdq %%xmm0, %%xmm0\n\t" collect                             \
  "decl %%edi\n\t"                                                    \
  "jz 7f\n\t"                                                         \
  "5:\n\t"                                                            \
  "testb $2, %%dil\n\t"                                               \
  "jz 6f\n\t"                                                         \
  "movups -16(" from                                                  \
  ",%%rdi,8), %%xmm0\n\t"                                             \
  "movups %%xmm0, -16(" to ",%%rdi,8)\n\t" collect                    \
  "subl $2, %%edi\n\t"                                                \
  "jz 7f\n\t"                                                         \
  "6:\n\t"                                                            \
  "movups -16(" from                                                  \
  ",%%rdi,8), %%xmm0\n\t"                                             \
  "movups %%xmm0, -16(" to ",%%rdi,8)\n\t" collect "movups -32(" from \
  ",%%rdi,8), %%xmm0\n\t"                                             \
  "movups %%xmm0, -32(" to ",%%rdi,8)\n\t" collect                    \
  "subl $4, %%edi\n\t"                                                \
  "jnz 6b\n\t"                                                        \
  "7:\n\t"
#define KMEM_COLLECT       \
  "por %%xmm0, %%xmm4\n\t" \
  "pand %%xmm0, %%xmm5\n\t"

namespace kmem {

struct CpuStackSequences {
  static KMEM_INLINE void* try_pop(char* base, Slot slot) {
    void* top;
    asm volatile goto(KMEM_RSEQ_BEGIN(empty) KMEM_RSEQ_WORDS
                      "movq (%%rcx,%[slot],8), %%rdx\n\t"
                      "movq (%[base],%%rdx,4), %[top]\n\t"
                      "testq %[top], %[top]\n\t"
                      "jz %l[empty]\n\t"
                      "addq $2, %%rdx\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [top] "=&r"(top)
                      : [rseq] "r"(kmem_rseq_offset), [base] "r"(base), [slot] "r"(uint64_t{slot.index})
                      : "rcx", "rdx", "cc", "memory"
                      : empty);
    if (!top) __builtin_unreachable();
    KMEM_TAKES(top);
    return top;
  empty:
    return made_here<void*>(nullptr);
  }

  static_assert(kCountdown * sizeof(uint64_t) == 4080);
  static KMEM_INLINE void* try_pop_counted(char* base, Slot slot, size_t bytes, bool& due) {
    void* top;
    due = false;
    asm volatile goto(KMEM_RSEQ_BEGIN(empty) KMEM_RSEQ_WORDS
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
                      : [rseq] "r"(kmem_rseq_offset), [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [bytes] "r"(bytes)
                      : "rcx", "rdx", "cc", "memory"
                      : empty, passed);
    if (!top) __builtin_unreachable();
    KMEM_TAKES(top);
    return top;
  passed:
    due = true;
  empty:
    return made_here<void*>(nullptr);
  }

  /// try_push() of an object that must begin at a multiple of its size before the end of its slab.  The divisor of
  /// slot i is the pair {high, inverse} of 32-bit words at base + kDivisors + 8 * i: the object begins at a multiple
  /// exactly where (address | high) * inverse, modulo 2^32, is less than the inverse, 2^32 / size (after Lemire, Kaser,
  /// Kurz: Faster remainder by direct computation, 2019).  Push::Inside if it does not.
  template <ptrdiff_t kDivisors>
  static KMEM_INLINE Push try_push_object(char* base, Slot slot, const void* p) {
    asm goto(
        "movl %k[p], %%ecx\n\t"
        "orl %c[high](%[base],%[slot],8), %%ecx\n\t"
        "imull %c[inverse](%[base],%[slot],8), %%ecx\n\t"
        "cmpl %c[inverse](%[base],%[slot],8), %%ecx\n\t"
        "jae %l[inside]\n\t"
        :
        : [p] "r"(p), [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [high] "i"(kDivisors), [inverse] "i"(kDivisors + 4)
        : "rcx", "cc", "memory"
        : inside);
    return try_push(base, slot, p);
  inside:
    return Push::Inside;
  }

  static KMEM_INLINE Push try_push(char* base, Slot slot, const void* p) {
    KMEM_GIVES(p);
  again:  // never reached; g++ 12 makes better code if it sees a loop
    asm volatile goto(KMEM_RSEQ_BEGIN(full) KMEM_RSEQ_WORDS
                      "movq (%%rcx,%[slot],8), %%rdx\n\t"
                      "cmpq %[p], (%[base],%%rdx,4)\n\t"
                      "je %l[same]\n\t"
                      "subb $2, %%dl\n\t"
                      "jc %l[full]\n\t"
                      "movq %[p], (%[base],%%rdx,4)\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      :
                      : [rseq] "r"(kmem_rseq_offset), [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [p] "r"(p)
                      : "rcx", "rdx", "cc", "memory"
                      : again, full, same);
    return Push::Done;
  full:
    return Push::Full;
  same:
    return Push::Same;
  }

  /// Entries are contiguous from the top to the sheaf's capacity, so n of them are one copy.
  static KMEM_INLINE unsigned try_pop_some(char* base, Slot slot, void** out, unsigned n) {
    unsigned moved;
    asm volatile goto(KMEM_RSEQ_BEGIN(empty) KMEM_RSEQ_WORDS
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
                      KMEM_COPY_SOME("%%rsi", "%[out]", "")
                      "leaq (%%rdx,%%rax,2), %%rdx\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [moved] "=&a"(moved)
                      : [rseq] "r"(kmem_rseq_offset), [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [out] "r"(out),
                        [n] "r"(n)
                      : "rcx", "rdx", "rsi", "rdi", "xmm0", "cc", "memory"
                      : empty);
    for (unsigned i = 0; i < moved; ++i) KMEM_TAKES(out[i]);
    return moved;
  empty:
    return made_here(0u);
  }

  /// During the copy, all pointers are or-ed into xmm4 and and-ed into xmm5, which gives the bits in which they differ.
  static KMEM_INLINE unsigned try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit) {
    for (unsigned i = 0; i < n; ++i) KMEM_GIVES(in[i]);
    unsigned moved;
  again:
    asm volatile goto(KMEM_RSEQ_BEGIN(full) KMEM_RSEQ_WORDS
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
                      "movq %%r8, %%xmm4\n\t"
                      "punpcklqdq %%xmm4, %%xmm4\n\t"
                      "movdqa %%xmm4, %%xmm5\n\t"
                      "leaq (%%rax,%%rax), %%rsi\n\t"
                      "subq %%rsi, %%rdx\n\t"
                      "leaq (%[base],%%rdx,4), %%rsi\n\t"
                      KMEM_COPY_SOME("%[in]", "%%rsi", KMEM_COLLECT)
                      "pshufd $0x4e, %%xmm4, %%xmm0\n\t"
                      "pshufd $0x4e, %%xmm5, %%xmm1\n\t"
                      "por %%xmm0, %%xmm4\n\t"
                      "pand %%xmm1, %%xmm5\n\t"
                      "movq %%xmm4, %%rdi\n\t"
                      "movq %%xmm5, %%r8\n\t"
                      "testq %[zero], %%rdi\n\t"
                      "jnz %l[unfit]\n\t"
                      "xorq %%rdi, %%r8\n\t"
                      "testq %[same], %%r8\n\t"
                      "jnz %l[unfit]\n\t"
                      "movq %%rdx, (%%rcx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [moved] "=&a"(moved)
                      : [rseq] "r"(kmem_rseq_offset), [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [in] "r"(in),
                        [n] "r"(n), [same] "r"(fit.same), [zero] "r"(fit.zero)
                      : "rcx", "rdx", "rsi", "rdi", "r8", "xmm0", "xmm1", "xmm4", "xmm5", "cc", "memory"
                      : again, full, unfit);
    return moved;
  full:
    return made_here(0u);
  unfit:
    return made_here(kUnfit);
  }

  static bool replace_here(uint64_t* word, uint32_t cpu, uint64_t expected, uint64_t desired) {
    asm volatile goto(KMEM_RSEQ_BEGIN(lost)
                      "cmpl %[cpu], %%fs:4(%[rseq])\n\t"
                      "jne %l[lost]\n\t"
                      "cmpq %[expected], (%[word])\n\t"
                      "jne %l[lost]\n\t"
                      "movq %[desired], (%[word])\n\t"
                      "2:\n\t"
                      :
                      : [rseq] "r"(kmem_rseq_offset), [cpu] "r"(cpu), [word] "r"(word), [expected] "r"(expected),
                        [desired] "r"(desired)
                      : "rcx", "cc", "memory"
                      : lost);
    return true;
  lost:
    return false;
  }
};

}  // namespace kmem

#else
#error "this port has restartable sequences for x86-64 and arm64"
#endif

#include "kmem_port/own_shadow.h"

#include "port/cpu_stack_by_sequences.h"
