#pragma once
// The sequences of a processor with 32-bit addresses and few registers.  Words, and entries of sheaves, have 64 bits; the upper
// 32 are always zero, so that a store of the lower half is a store of the whole.
//
// Inputs that have no register are in memory of the caller's, which the sequence does not change either.

// From the label 1 to the label 2.
#define KMEM_SEQUENCE                       \
  ".pushsection kmem_sequences, \"a?\"\n\t" \
  ".balign 8\n\t"                           \
  ".long 1f, 0, 2f, 0\n\t"                  \
  ".popsection\n\t"                         \
  "1:\n\t"
// %ecx = this CPU's words.
#define KMEM_SEQUENCE_WORDS \
  KMEM_SEQUENCE             \
  "movl %%gs:8, %%ecx\n\t"  \
  "addl %[base], %%ecx\n\t"
// %ecx = the slot's word: `at` is the base, and the slot's distance in an area of words.
#define KMEM_SEQUENCE_WORD "movl %%gs:8, %%ecx\n\taddl %[at], %%ecx\n\t"

namespace kmem {

struct CpuStackSequences {
  static KMEM_INLINE void* try_pop(char* base, Slot slot) {
    void* top;
    asm volatile goto(KMEM_SEQUENCE_WORDS
                      "movl (%%ecx,%[slot],8), %%edx\n\t"
                      "movl (%[base],%%edx,4), %[top]\n\t"
                      "testl %[top], %[top]\n\t"
                      "jz %l[empty]\n\t"
                      "addl $2, %%edx\n\t"
                      "movl %%edx, (%%ecx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [top] "=&r"(top)
                      : [base] "r"(base), [slot] "r"(slot.index)
                      : "ecx", "edx", "cc", "memory"
                      : empty);
    if (!top) __builtin_unreachable();
    return top;
  empty:
    return nullptr;
  }

  /// The countdown has 64 bits, and must change in one step.
  static_assert(kCountdown * sizeof(uint64_t) == 4080);
  static KMEM_INLINE void* try_pop_counted(char* base, Slot slot, size_t bytes, bool& due) {
    void* top;
    due = false;
    asm volatile goto(KMEM_SEQUENCE_WORDS
                      "movl (%%ecx,%[slot],8), %%edx\n\t"
                      "movl (%[base],%%edx,4), %[top]\n\t"
                      "testl %[top], %[top]\n\t"
                      "jz %l[empty]\n\t"
                      "movd %[bytes], %%xmm1\n\t"
                      "movq 4080(%%ecx), %%xmm0\n\t"
                      "psubq %%xmm1, %%xmm0\n\t"
                      "movq %%xmm0, 4080(%%ecx)\n\t"
                      "testb $0x80, 4087(%%ecx)\n\t"
                      "jnz %l[passed]\n\t"
                      "addl $2, %%edx\n\t"
                      "movl %%edx, (%%ecx,%[slot],8)\n\t"
                      "2:\n\t"
                      : [top] "=&r"(top)
                      : [base] "r"(base), [slot] "r"(slot.index), [bytes] "m"(bytes)
                      : "ecx", "edx", "xmm0", "xmm1", "cc", "memory"
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
                      "movl (%%ecx,%[slot],8), %%edx\n\t"
                      "cmpl %[p], (%[base],%%edx,4)\n\t"
                      "je %l[same]\n\t"
                      "subb $2, %%dl\n\t"
                      "jc %l[full]\n\t"
                      "movl %[p], (%[base],%%edx,4)\n\t"
                      "movl %%edx, (%%ecx,%[slot],8)\n\t"
                      "2:\n\t"
                      :
                      : [base] "r"(base), [slot] "r"(slot.index), [p] "r"(p)
                      : "ecx", "edx", "cc", "memory"
                      : full, same);
    return Push::Done;
  full:
    return Push::Full;
  same:
    return Push::Same;
  }

  /// Entries are contiguous from the top to the sheaf's capacity.  What the word becomes is computed from the address of the
  /// entries, because the word itself may have been closed meanwhile (sync/cpu_words.h).
  static KMEM_INLINE unsigned try_pop_some(char* base, Slot slot, void** out, unsigned n) {
    char* const at = base + slot.index * sizeof(uint64_t);
    unsigned moved;
    asm volatile goto(KMEM_SEQUENCE KMEM_SEQUENCE_WORD
                      "movl (%%ecx), %%edx\n\t"
                      "movl %[base], %%esi\n\t"
                      "leal (%%esi,%%edx,4), %%esi\n\t"
                      "movl %%esi, %%eax\n\t"
                      "orl $1023, %%eax\n\t"
                      "movzbl -2(%%eax), %%eax\n\t"  // kCapacityByte
                      "movzbl %%dl, %%edi\n\t"
                      "shrl $1, %%edi\n\t"
                      "subl %%edi, %%eax\n\t"
                      "jz %l[empty]\n\t"
                      "cmpl %[n], %%eax\n\t"
                      "jbe 8f\n\t"
                      "movl %[n], %%eax\n\t"
                      "8:\n\t"
                      "movl %%eax, %%edi\n\t"
                      "movl %[out], %%ecx\n\t"
                      "6:\n\t"
                      "movl -8(%%esi,%%edi,8), %%edx\n\t"
                      "movl %%edx, -4(%%ecx,%%edi,4)\n\t"
                      "decl %%edi\n\t"
                      "jnz 6b\n\t"
                      "subl %[base], %%esi\n\t"
                      "shrl $2, %%esi\n\t"
                      "leal (%%esi,%%eax,2), %%esi\n\t" KMEM_SEQUENCE_WORD
                      "movl %%esi, (%%ecx)\n\t"
                      "2:\n\t"
                      : [moved] "=&a"(moved)
                      : [base] "m"(base), [at] "m"(at), [out] "m"(out), [n] "m"(n)
                      : "ecx", "edx", "esi", "edi", "cc", "memory"
                      : empty);
    return moved;
  empty:
    return 0;
  }

  /// During the copy, the bits in which pointers differ from the first, and those that must be zero, are or-ed into %edx.
  static KMEM_INLINE unsigned try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit) {
    char* const at = base + slot.index * sizeof(uint64_t);
    const auto same = static_cast<uint32_t>(fit.same), zero = static_cast<uint32_t>(fit.zero);
    unsigned moved;
    asm volatile goto(KMEM_SEQUENCE KMEM_SEQUENCE_WORD
                      "movl (%%ecx), %%edx\n\t"
                      "movzbl %%dl, %%eax\n\t"
                      "shrl $1, %%eax\n\t"
                      "jz %l[full]\n\t"
                      "cmpl %[n], %%eax\n\t"
                      "jbe 8f\n\t"
                      "movl %[n], %%eax\n\t"
                      "8:\n\t"
                      "movl %[base], %%esi\n\t"
                      "leal (%%esi,%%edx,4), %%esi\n\t"
                      "movl %[in], %%ecx\n\t"
                      "movl (%%ecx), %%edx\n\t"
                      "cmpl %%edx, (%%esi)\n\t"
                      "je %l[unfit]\n\t"
                      "leal (,%%eax,8), %%edx\n\t"
                      "subl %%edx, %%esi\n\t"
                      "movl %%eax, %%edi\n\t"
                      "xorl %%edx, %%edx\n\t"
                      "6:\n\t"
                      "movl -4(%%ecx,%%edi,4), %%ebx\n\t"
                      "movl %%ebx, -8(%%esi,%%edi,8)\n\t"
                      "xorl (%%ecx), %%ebx\n\t"
                      "andl %[same], %%ebx\n\t"
                      "orl %%ebx, %%edx\n\t"
                      "movl -4(%%ecx,%%edi,4), %%ebx\n\t"
                      "andl %[zero], %%ebx\n\t"
                      "orl %%ebx, %%edx\n\t"
                      "decl %%edi\n\t"
                      "jnz 6b\n\t"
                      "testl %%edx, %%edx\n\t"
                      "jnz %l[unfit]\n\t"
                      "subl %[base], %%esi\n\t"
                      "shrl $2, %%esi\n\t" KMEM_SEQUENCE_WORD
                      "movl %%esi, (%%ecx)\n\t"
                      "2:\n\t"
                      : [moved] "=&a"(moved)
                      : [base] "m"(base), [at] "m"(at), [in] "m"(in), [n] "m"(n), [same] "m"(same), [zero] "m"(zero)
                      : "ebx", "ecx", "edx", "esi", "edi", "cc", "memory"
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
                      "cmpl %[expected], (%[word])\n\t"
                      "jne %l[lost]\n\t"
                      "movl %[desired], (%[word])\n\t"
                      "2:\n\t"
                      :
                      : [cpu] "r"(cpu), [word] "r"(word), [expected] "r"(static_cast<uint32_t>(expected)),
                        [desired] "r"(static_cast<uint32_t>(desired))
                      : "cc", "memory"
                      : lost);
    return true;
  lost:
    return false;
  }
};

}  // namespace kmem
