#pragma once
// The sequences of a port for arm64: included by its <kmem_port/cpu_stack_impl.h>, which says how one begins and where it finds
// this CPU's words and number. x10 to x17 are scratch registers.
//
//   KMEM_RSEQ_BEGIN(aborted)  the start, label 1; where the port continues at a C label after an interruption, at this one
//   KMEM_RSEQ_WORDS           x16 = the address of this CPU's words, from %[base]
//   KMEM_RSEQ_CPU             w17 = this CPU's number
//   KMEM_RSEQ_INPUTS          the operands that these need, and a comma behind them

#include "base/attributes.h"
#include "base/sanitizer.h"
#include "port/made_here.h"

namespace kmem {

static_assert(kCpuShift == 15 && kWordUnit == 4 && kWordStep == 2 && kCountdown * sizeof(uint64_t) == 4080);

struct CpuStackSequences {
  static KMEM_INLINE void* try_pop(char* base, Slot slot) {
    void* top;
    asm volatile goto(KMEM_RSEQ_BEGIN(empty) KMEM_RSEQ_WORDS
                      "ldr x17, [x16, %[slot], lsl 3]\n\t"
                      "add x15, %[base], x17, lsl 2\n\t"
                      "ldr %[top], [x15]\n\t"
                      "cbz %[top], %l[empty]\n\t"
                      "add x17, x17, 2\n\t"
                      "str x17, [x16, %[slot], lsl 3]\n\t"
                      "2:\n\t"
                      : [top] "=&r"(top)
                      : KMEM_RSEQ_INPUTS[base] "r"(base), [slot] "r"(uint64_t{slot.index})
                      : "x15", "x16", "x17", "cc", "memory"
                      : empty);
    if (!top) __builtin_unreachable();
    KMEM_TAKES(top);
    return top;
  empty:
    return made_here<void*>(nullptr);
  }

  static KMEM_INLINE void* try_pop_counted(char* base, Slot slot, size_t bytes, bool& due) {
    void* top;
    due = false;
    asm volatile goto(KMEM_RSEQ_BEGIN(empty) KMEM_RSEQ_WORDS
                      "ldr x17, [x16, %[slot], lsl 3]\n\t"
                      "add x15, %[base], x17, lsl 2\n\t"
                      "ldr %[top], [x15]\n\t"
                      "cbz %[top], %l[empty]\n\t"
                      "ldr x15, [x16, 4080]\n\t"
                      "subs x15, x15, %[bytes]\n\t"
                      "str x15, [x16, 4080]\n\t"
                      "b.mi %l[passed]\n\t"
                      "add x17, x17, 2\n\t"
                      "str x17, [x16, %[slot], lsl 3]\n\t"
                      "2:\n\t"
                      : [top] "=&r"(top)
                      : KMEM_RSEQ_INPUTS[base] "r"(base), [slot] "r"(uint64_t{slot.index}), [bytes] "r"(bytes)
                      : "x15", "x16", "x17", "cc", "memory"
                      : empty, passed);
    if (!top) __builtin_unreachable();
    KMEM_TAKES(top);
    return top;
  passed:
    due = true;
  empty:
    return made_here<void*>(nullptr);
  }

  template <ptrdiff_t kDivisors>
  static KMEM_INLINE Push try_push_object(char* base, Slot slot, const void* p) {
    const auto* divisor = reinterpret_cast<const uint32_t*>(base + kDivisors) + size_t{2} * slot.index;
    const uint32_t to_end = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p)) | divisor[0];
    return to_end * divisor[1] < divisor[1] ? try_push(base, slot, p) : Push::Inside;
  }

  static KMEM_INLINE Push try_push(char* base, Slot slot, const void* p) {
    KMEM_GIVES(p);
    asm volatile goto(KMEM_RSEQ_BEGIN(full) KMEM_RSEQ_WORDS
                      "ldr x17, [x16, %[slot], lsl 3]\n\t"
                      "add x15, %[base], x17, lsl 2\n\t"
                      "ldr x14, [x15]\n\t"
                      "cmp x14, %[p]\n\t"
                      "b.eq %l[same]\n\t"
                      "tst x17, 0xff\n\t"
                      "b.eq %l[full]\n\t"
                      "sub x17, x17, 2\n\t"
                      "str %[p], [x15, -8]\n\t"
                      "str x17, [x16, %[slot], lsl 3]\n\t"
                      "2:\n\t"
                      :
                      : KMEM_RSEQ_INPUTS[base] "r"(base), [slot] "r"(uint64_t{slot.index}), [p] "r"(p)
                      : "x14", "x15", "x16", "x17", "cc", "memory"
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
    asm volatile goto(KMEM_RSEQ_BEGIN(empty) KMEM_RSEQ_WORDS
                      "ldr x17, [x16, %[slot], lsl 3]\n\t"
                      "add x15, %[base], x17, lsl 2\n\t"
                      "orr x14, x15, 1023\n\t"
                      "ldurb w14, [x14, -2]\n\t"  // kCapacityByte
                      "and w13, w17, 0xff\n\t"
                      "sub w14, w14, w13, lsr 1\n\t"
                      "cbz w14, %l[empty]\n\t"
                      "cmp w14, %w[n]\n\t"
                      "csel w14, w14, %w[n], ls\n\t"
                      "mov w13, w14\n\t"
                      "6:\n\t"
                      "sub x13, x13, 1\n\t"
                      "ldr x12, [x15, x13, lsl 3]\n\t"
                      "str x12, [%[out], x13, lsl 3]\n\t"
                      "cbnz x13, 6b\n\t"
                      "mov %w[moved], w14\n\t"
                      "add x17, x17, x14, lsl 1\n\t"
                      "str x17, [x16, %[slot], lsl 3]\n\t"
                      "2:\n\t"
                      : [moved] "=&r"(moved)
                      : KMEM_RSEQ_INPUTS[base] "r"(base), [slot] "r"(uint64_t{slot.index}), [out] "r"(out), [n] "r"(n)
                      : "x12", "x13", "x14", "x15", "x16", "x17", "cc", "memory"
                      : empty);
    for (unsigned i = 0; i < moved; ++i) KMEM_TAKES(out[i]);
    return moved;
  empty:
    return made_here(0u);
  }

  /// During the copy, all pointers are or-ed into x11 and and-ed into x10, which gives the bits in which they differ.
  static KMEM_INLINE unsigned try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit) {
    for (unsigned i = 0; i < n; ++i) KMEM_GIVES(in[i]);
    unsigned moved;
    asm volatile goto(KMEM_RSEQ_BEGIN(full) KMEM_RSEQ_WORDS
                      "ldr x17, [x16, %[slot], lsl 3]\n\t"
                      "ubfx x14, x17, 1, 7\n\t"
                      "cbz x14, %l[full]\n\t"
                      "cmp w14, %w[n]\n\t"
                      "csel w14, w14, %w[n], ls\n\t"
                      "ldr x12, [%[in]]\n\t"
                      "add x15, %[base], x17, lsl 2\n\t"
                      "ldr x11, [x15]\n\t"
                      "cmp x12, x11\n\t"
                      "b.eq %l[unfit]\n\t"
                      "mov x11, x12\n\t"
                      "mov x10, x12\n\t"
                      "sub x17, x17, x14, lsl 1\n\t"
                      "add x15, %[base], x17, lsl 2\n\t"
                      "mov w13, w14\n\t"
                      "6:\n\t"
                      "sub x13, x13, 1\n\t"
                      "ldr x12, [%[in], x13, lsl 3]\n\t"
                      "str x12, [x15, x13, lsl 3]\n\t"
                      "orr x11, x11, x12\n\t"
                      "and x10, x10, x12\n\t"
                      "cbnz x13, 6b\n\t"
                      "eor x10, x10, x11\n\t"
                      "and x10, x10, %[same]\n\t"
                      "and x11, x11, %[zero]\n\t"
                      "orr x10, x10, x11\n\t"
                      "cbnz x10, %l[unfit]\n\t"
                      "mov %w[moved], w14\n\t"
                      "str x17, [x16, %[slot], lsl 3]\n\t"
                      "2:\n\t"
                      : [moved] "=&r"(moved)
                      : KMEM_RSEQ_INPUTS[base] "r"(base), [slot] "r"(uint64_t{slot.index}), [in] "r"(in), [n] "r"(n),
                        [same] "r"(fit.same), [zero] "r"(fit.zero)
                      : "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "cc", "memory"
                      : full, unfit);
    return moved;
  full:
    return made_here(0u);
  unfit:
    return made_here(kUnfit);
  }

  static bool replace_here(uint64_t* word, uint32_t cpu, uint64_t expected, uint64_t desired) {
    asm volatile goto(KMEM_RSEQ_BEGIN(lost) KMEM_RSEQ_CPU
                      "cmp w17, %w[cpu]\n\t"
                      "b.ne %l[lost]\n\t"
                      "ldr x17, [%[word]]\n\t"
                      "cmp x17, %[expected]\n\t"
                      "b.ne %l[lost]\n\t"
                      "str %[desired], [%[word]]\n\t"
                      "2:\n\t"
                      :
                      : KMEM_RSEQ_INPUTS[cpu] "r"(cpu), [word] "r"(word), [expected] "r"(expected), [desired] "r"(desired)
                      : "x16", "x17", "cc", "memory"
                      : lost);
    return true;
  lost:
    return false;
  }
};

}  // namespace kmem
