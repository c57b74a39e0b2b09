#pragma once
// The sequences of cpu_stack_impl.h for arm64: the same steps, with the descriptor's address in x16, and x14 to x17 as scratch
// registers.

#define KMEM_RSEQ_BEGIN(aborted) \
  KMEM_RSEQ_DESCRIPTOR(aborted)  \
  "adrp x16, 3b\n\t"             \
  "add x16, x16, :lo12:3b\n\t"   \
  "str x16, [%[area], 8]\n\t"    \
  "1:\n\t"
#define KMEM_RSEQ_AREA (static_cast<char*>(__builtin_thread_pointer()) + kmem_rseq_offset)

// x16 = the address of this CPU's words, in 32 bits before base is added; see x86-64's.
#define KMEM_RSEQ_WORDS       \
  "ldr w16, [%[area], 4]\n\t" \
  "lsl w16, w16, 15\n\t"      \
  "add x16, %[base], x16\n\t"

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
                      : [area] "r"(KMEM_RSEQ_AREA), [base] "r"(base), [slot] "r"(uint64_t{slot.index})
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
                      : [area] "r"(KMEM_RSEQ_AREA), [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [bytes] "r"(bytes)
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
                      : [area] "r"(KMEM_RSEQ_AREA), [base] "r"(base), [slot] "r"(uint64_t{slot.index}), [p] "r"(p)
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
    asm volatile goto(KMEM_RSEQ_BEGIN(lost)
                      "ldr w17, [%[area], 4]\n\t"
                      "cmp w17, %w[cpu]\n\t"
                      "b.ne %l[lost]\n\t"
                      "ldr x17, [%[word]]\n\t"
                      "cmp x17, %[expected]\n\t"
                      "b.ne %l[lost]\n\t"
                      "str %[desired], [%[word]]\n\t"
                      "2:\n\t"
                      :
                      : [area] "r"(KMEM_RSEQ_AREA), [cpu] "r"(cpu), [word] "r"(word), [expected] "r"(expected),
                        [desired] "r"(desired)
                      : "x16", "x17", "cc", "memory"
                      : lost);
    return true;
  lost:
    return false;
  }
};

}  // namespace kmem
