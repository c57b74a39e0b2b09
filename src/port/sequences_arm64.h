#pragma once
// The sequences of a port for arm64: included by its <kmem_port/cpu_stack_impl.h>, which says how one begins and where it finds
// this CPU's words and number. x14 to x17 are scratch registers.
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

  /// One pointer at a time, in several steps (port/cpu_stack.h requires only each to be one step).
  static unsigned try_pop_some(char* base, Slot slot, void** out, unsigned n) {
    unsigned moved = 0;
    while (moved < n && (out[moved] = try_pop(base, slot))) ++moved;
    return moved;
  }
  static unsigned try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit) {
    for (unsigned i = 0; i < n; ++i) {
      const auto first = reinterpret_cast<uintptr_t>(in[0]), each = reinterpret_cast<uintptr_t>(in[i]);
      if ((each & fit.zero) || ((each ^ first) & fit.same)) return kUnfit;
    }
    unsigned moved = 0;
    for (; moved < n; ++moved) {
      const Push push = try_push(base, slot, in[moved]);
      if (push == Push::Full) break;
      if (push == Push::Same) return moved ? moved : kUnfit;
    }
    return moved;
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
