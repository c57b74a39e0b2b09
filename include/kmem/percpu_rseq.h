#ifndef KMEM_PERCPU_RSEQ_H
#define KMEM_PERCPU_RSEQ_H
/* One step on this CPU's copy of a per-CPU variable, by a restartable sequence. Include <linux/percpu.h> instead of this.
 *
 * The ABI (linux/rseq.h): the thread points rseq_cs, at byte 8 of its area, at a descriptor of a stretch of code; when
 * the kernel preempts, migrates or signals it inside, it goes on at the descriptor's abort address.  The last
 * instruction of each stretch below is its only store, so it happened once or not at all.
 *
 * Each function reads the CPU's number from byte 4 of the area and that CPU's distance from the table, and does its operation
 * at variable + distance. It returns false, and has done nothing, if the distance is 0: a task owns the copy between get_cpu()
 * and put_cpu(), or the thread has no sequences (then its number is -1 or -2, for which the table has two words before its
 * start). kmem_this_cpu_slow() handles these cases.
 *
 * Each thread stores the area's distance from `none` in kmem_percpu_self.area: that of the area that glibc registered, or 0 for
 * `none` itself, whose number is -1: before the thread's first use, in its own sections, and with rseq=off. */
#include <kmem/c_face.h>
#include <kmem/integers.h>
#include <kmem/rseq_descriptor.h>

/** The copy for CPU n of the variable at address a is at a + KMEM_PERCPU_DISTANCE + n * KMEM_PERCPU_STRIDE.  Part of the binary
 *  interface. */
#define KMEM_PERCPU_DISTANCE ((uintptr_t)64 << 20)
#define KMEM_PERCPU_STRIDE ((uintptr_t)64 << 10)

KMEM_BEGIN_C

struct kmem_percpu_thread {
  ptrdiff_t area;
  uint32_t none[6]; /* an area whose CPU is -1 */
};
extern KMEM_API __thread struct kmem_percpu_thread kmem_percpu_self __attribute__((__tls_model__("initial-exec")));

/** By CPU: KMEM_PERCPU_DISTANCE + n * KMEM_PERCPU_STRIDE, or 0. */
extern KMEM_API const uint64_t* const kmem_percpu_distances;

KMEM_END_C

#if defined(KMEM_SIM) || defined(KMEM_PERCPU_NO_RSEQ)
#define KMEM_PERCPU_RSEQ 0
#elif defined(__x86_64__) && defined(__LP64__)
#define KMEM_PERCPU_RSEQ 1
#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)
#define KMEM_PERCPU_RSEQ 1
#elif defined(__i386__) && defined(KMEM_BARE)
#define KMEM_PERCPU_RSEQ 1
#else
#define KMEM_PERCPU_RSEQ 0
#endif

/* A descriptor must exist as long as a thread points at it: the kernel reads it when the thread is resumed, and sends SIGSEGV
 * if it is unmapped. So code that dlclose() may unload resets the pointer itself.
 */
#if defined(__PIC__) && !defined(__PIE__)
#define KMEM_PERCPU_MAY_GO 1
#else
#define KMEM_PERCPU_MAY_GO 0
#endif

#define KMEM_PERCPU_INLINE static inline __attribute__((__always_inline__, __unused__))

#if KMEM_PERCPU_RSEQ && defined(__x86_64__)

#ifdef KMEM_BARE
/* On a bare machine nothing is armed: the sequence is in a table (docs/bare.md). The CPU's number is at %gs:32, -1 while the
 * task is in a section. */
#define KMEM_PERCPU_BEGIN                                                                     \
  ".pushsection kmem_sequences, \"a?\"\n\t.balign 8\n\t.quad 1f, 2f\n\t.popsection\n\t1:\n\t" \
  "movslq %%gs:32, %%rcx\n\t"                                                                 \
  "movq (%[distances],%%rcx,8), %%rcx\n\t"                                                    \
  "testq %%rcx, %%rcx\n\t"                                                                    \
  "jz %l[taken]\n\t"
#define KMEM_PERCPU_END "\n\t2:\n\t"
#define KMEM_PERCPU_FORGET (void)0
#define KMEM_PERCPU_INPUTS [distances] "r"(kmem_percpu_distances), [variable] "r"(variable)
#else
#define KMEM_PERCPU_BEGIN                    \
  KMEM_RSEQ_DESCRIPTOR(taken)                \
  "movq %%fs:(%[self]), %%rdx\n\t"           \
  "leaq 3b(%%rip), %%rcx\n\t"                \
  "movq %%rcx, %%fs:16(%[self],%%rdx)\n\t"   \
  "1:\n\t"                                   \
  "movslq %%fs:12(%[self],%%rdx), %%rcx\n\t" \
  "movq (%[distances],%%rcx,8), %%rcx\n\t"   \
  "testq %%rcx, %%rcx\n\t"                   \
  "jz %l[taken]\n\t"
#if KMEM_PERCPU_MAY_GO
#define KMEM_PERCPU_END "\n\t2:\n\tmovq $0, %%fs:16(%[self],%%rdx)\n\t"
#define KMEM_PERCPU_FORGET \
  __asm__ __volatile__("movq %%fs:(%0), %%rdx\n\tmovq $0, %%fs:16(%0,%%rdx)" : : "r"(kmem_percpu_self_at()) : "rdx", "memory")
#else
#define KMEM_PERCPU_END "\n\t2:\n\t"
#define KMEM_PERCPU_FORGET (void)0
#endif
#define KMEM_PERCPU_INPUTS [self] "r"(kmem_percpu_self_at()), [distances] "r"(kmem_percpu_distances), [variable] "r"(variable)

/* The distance of kmem_percpu_self from the thread pointer. */
KMEM_PERCPU_INLINE intptr_t kmem_percpu_self_at(void) {
  intptr_t at;
  __asm__("movq kmem_percpu_self@gottpoff(%%rip), %0" : "=r"(at));
  return at;
}
#endif
#define KMEM_PERCPU_COPY "(%[variable],%%rcx)"
#define KMEM_PERCPU_CLOBBERS "rcx", "rdx", "cc", "memory"

#define KMEM_PERCPU_CHANGE(name, mnemonic, type, immediate)                                             \
  KMEM_PERCPU_INLINE int kmem_percpu_try_##name(void* variable, type value) {                           \
    __asm__ __volatile__ goto(KMEM_PERCPU_BEGIN mnemonic " %[value], " KMEM_PERCPU_COPY KMEM_PERCPU_END \
                              :                                                                         \
                              : KMEM_PERCPU_INPUTS, [value] immediate(value)                            \
                              : KMEM_PERCPU_CLOBBERS                                                    \
                              : taken);                                                                 \
    return 1;                                                                                           \
  taken:                                                                                                \
    KMEM_PERCPU_FORGET;                                                                                 \
    return 0;                                                                                           \
  }

#define KMEM_PERCPU_FETCH(name, code, type, inputs)                          \
  __asm__ __volatile__ goto(KMEM_PERCPU_BEGIN code KMEM_PERCPU_END           \
                            : [found] "=&r"(found)                           \
                            : KMEM_PERCPU_INPUTS inputs:KMEM_PERCPU_CLOBBERS \
                            : taken);                                        \
  *old = found;                                                              \
  return 1;                                                                  \
  taken:                                                                     \
  KMEM_PERCPU_FORGET;                                                        \
  return 0;

#define KMEM_PERCPU_COMMA ,
#define KMEM_PERCPU_SIZE(bits, s, immediate)                                                                            \
  KMEM_PERCPU_CHANGE(add_##bits, "add" s, uint##bits##_t, immediate)                                                    \
  KMEM_PERCPU_CHANGE(and_##bits, "and" s, uint##bits##_t, immediate)                                                    \
  KMEM_PERCPU_CHANGE(or_##bits, "or" s, uint##bits##_t, immediate)                                                      \
  KMEM_PERCPU_CHANGE(write_##bits, "mov" s, uint##bits##_t, immediate)                                                  \
  KMEM_PERCPU_INLINE int kmem_percpu_try_read_##bits(void* variable, uint##bits##_t* old) {                             \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(read, "mov" s " " KMEM_PERCPU_COPY ", %[found]", bits, )                                          \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_xchg_##bits(void* variable, uint##bits##_t value, uint##bits##_t* old) {       \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(xchg,                                                                                             \
                      "mov" s " " KMEM_PERCPU_COPY ", %[found]\n\t"                                                     \
                      "mov" s " %[value], " KMEM_PERCPU_COPY,                                                           \
                      bits, KMEM_PERCPU_COMMA[value] "r"(value))                                                        \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_cmpxchg_##bits(void* variable, uint##bits##_t expected, uint##bits##_t value,  \
                                                        uint##bits##_t* old) {                                          \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(cmpxchg,                                                                                          \
                      "mov" s " " KMEM_PERCPU_COPY ", %[found]\n\t"                                                     \
                      "cmp" s " %[expected], %[found]\n\t"                                                              \
                      "jne 2f\n\t"                                                                                      \
                      "mov" s " %[value], " KMEM_PERCPU_COPY,                                                           \
                      bits, KMEM_PERCPU_COMMA[value] "r"(value)KMEM_PERCPU_COMMA[expected] "r"(expected))               \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_add_return_##bits(void* variable, uint##bits##_t value, uint##bits##_t* old) { \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(add_return,                                                                                       \
                      "mov" s " " KMEM_PERCPU_COPY ", %[found]\n\t"                                                     \
                      "add" s " %[value], %[found]\n\t"                                                                 \
                      "mov" s " %[found], " KMEM_PERCPU_COPY,                                                           \
                      bits, KMEM_PERCPU_COMMA[value] "r"(value))                                                        \
  }
KMEM_PERCPU_SIZE(8, "b", "ri")
KMEM_PERCPU_SIZE(16, "w", "ri")
KMEM_PERCPU_SIZE(32, "l", "ri")
KMEM_PERCPU_SIZE(64, "q", "re")

#elif KMEM_PERCPU_RSEQ && defined(__aarch64__)

/* As above; x16 and x17 are for the sequence. */
#ifdef KMEM_BARE
/* Behind TPIDR_EL1, as behind %gs. */
#define KMEM_PERCPU_BEGIN                                                                     \
  ".pushsection kmem_sequences, \"a?\"\n\t.balign 8\n\t.quad 1f, 2f\n\t.popsection\n\t1:\n\t" \
  "mrs x16, tpidr_el1\n\t"                                                                    \
  "ldrsw x16, [x16, 32]\n\t"                                                                  \
  "ldr x16, [%[distances], x16, lsl 3]\n\t"                                                   \
  "cbz x16, %l[taken]\n\t"                                                                    \
  "add x16, x16, %[variable]\n\t"
#define KMEM_PERCPU_INPUTS [distances] "r"(kmem_percpu_distances), [variable] "r"(variable)
#else
#define KMEM_PERCPU_BEGIN                   \
  KMEM_RSEQ_DESCRIPTOR(taken)               \
  "adrp x16, 3b\n\t"                        \
  "add x16, x16, :lo12:3b\n\t"              \
  "str x16, [%[area], 8]\n\t"               \
  "1:\n\t"                                  \
  "ldrsw x16, [%[area], 4]\n\t"             \
  "ldr x16, [%[distances], x16, lsl 3]\n\t" \
  "cbz x16, %l[taken]\n\t"                  \
  "add x16, x16, %[variable]\n\t"
#define KMEM_PERCPU_INPUTS                                                                                  \
  [area] "r"((char*)kmem_percpu_self.none + kmem_percpu_self.area), [distances] "r"(kmem_percpu_distances), \
      [variable] "r"(variable)
#endif

#if KMEM_PERCPU_MAY_GO && !defined(KMEM_BARE)
#define KMEM_PERCPU_END "\n\t2:\n\tstr xzr, [%[area], 8]\n\t"
#define KMEM_PERCPU_FORGET (*(volatile uint64_t*)((char*)kmem_percpu_self.none + kmem_percpu_self.area + 8) = 0)
#else
#define KMEM_PERCPU_END "\n\t2:\n\t"
#define KMEM_PERCPU_FORGET (void)0
#endif
#define KMEM_PERCPU_ASM(code, outputs, ...)                                \
  __asm__ __volatile__ goto(KMEM_PERCPU_BEGIN code KMEM_PERCPU_END:outputs \
                            : KMEM_PERCPU_INPUTS __VA_ARGS__               \
                            : "x16", "x17", "cc", "memory"                 \
                            : taken)

#define KMEM_PERCPU_CHANGE(name, type, s, w, code)                            \
  KMEM_PERCPU_INLINE int kmem_percpu_try_##name(void* variable, type value) { \
    KMEM_PERCPU_ASM(code, , , [value] "r"(value));                            \
    return 1;                                                                 \
  taken:                                                                      \
    KMEM_PERCPU_FORGET;                                                       \
    return 0;                                                                 \
  }
#define KMEM_PERCPU_FETCH(code, ...)                        \
  KMEM_PERCPU_ASM(code, [found] "=&r"(found), __VA_ARGS__); \
  *old = found;                                             \
  return 1;                                                 \
  taken:                                                    \
  KMEM_PERCPU_FORGET;                                       \
  return 0;

/* s: the suffix of loads and stores; w: the operand modifier of registers of that size; x17 or w17 to go with it. */
#define KMEM_PERCPU_SIZE(bits, s, w, r17)                                                                               \
  KMEM_PERCPU_CHANGE(add_##bits, uint##bits##_t, s, w,                                                                  \
                     "ldr" s " " r17 ", [x16]\n\tadd " r17 ", " r17 ", %" w "[value]\n\tstr" s " " r17 ", [x16]")       \
  KMEM_PERCPU_CHANGE(and_##bits, uint##bits##_t, s, w,                                                                  \
                     "ldr" s " " r17 ", [x16]\n\tand " r17 ", " r17 ", %" w "[value]\n\tstr" s " " r17 ", [x16]")       \
  KMEM_PERCPU_CHANGE(or_##bits, uint##bits##_t, s, w,                                                                   \
                     "ldr" s " " r17 ", [x16]\n\torr " r17 ", " r17 ", %" w "[value]\n\tstr" s " " r17 ", [x16]")       \
  KMEM_PERCPU_CHANGE(write_##bits, uint##bits##_t, s, w, "str" s " %" w "[value], [x16]")                               \
  KMEM_PERCPU_INLINE int kmem_percpu_try_read_##bits(void* variable, uint##bits##_t* old) {                             \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH("ldr" s " %" w "[found], [x16]", )                                                                \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_xchg_##bits(void* variable, uint##bits##_t value, uint##bits##_t* old) {       \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH("ldr" s " %" w "[found], [x16]\n\tstr" s " %" w "[value], [x16]", , [value] "r"(value))           \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_cmpxchg_##bits(void* variable, uint##bits##_t expected, uint##bits##_t value,  \
                                                        uint##bits##_t* old) {                                          \
    uint##bits##_t found;                                                                                               \
    const uint64_t wanted = expected;                                                                                   \
    KMEM_PERCPU_FETCH("ldr" s " %" w "[found], [x16]\n\tcmp %" w "[found], %" w "[wanted]\n\tb.ne 2f\n\t"               \
                      "str" s " %" w "[value], [x16]",                                                                  \
                      , [value] "r"(value), [wanted] "r"(wanted))                                                       \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_add_return_##bits(void* variable, uint##bits##_t value, uint##bits##_t* old) { \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH("ldr" s " %" w "[found], [x16]\n\tadd %" w "[found], %" w "[found], %" w "[value]\n\t"            \
                      "str" s " %" w "[found], [x16]",                                                                  \
                      , [value] "r"(value))                                                                             \
  }
KMEM_PERCPU_SIZE(8, "b", "w", "w17")
KMEM_PERCPU_SIZE(16, "h", "w", "w17")
KMEM_PERCPU_SIZE(32, "", "w", "w17")
KMEM_PERCPU_SIZE(64, "", "x", "x17")

#elif KMEM_PERCPU_RSEQ && defined(__i386__)

/* On a bare machine, as above; the distances have 64 bits, of which the upper half is zero. */
#define KMEM_PERCPU_ASM(code, outputs, ...)                                                               \
  __asm__ __volatile__ goto(".pushsection kmem_sequences, \"a?\"\n\t.balign 8\n\t.long 1f, 0, 2f, 0\n\t"  \
                            ".popsection\n\t1:\n\t"                                                       \
                            "movl %%gs:32, %%ecx\n\t"                                                     \
                            "shll $3, %%ecx\n\t"                                                          \
                            "addl %[distances], %%ecx\n\t"                                                \
                            "movl (%%ecx), %%ecx\n\t"                                                     \
                            "testl %%ecx, %%ecx\n\t"                                                      \
                            "jz %l[taken]\n\t" code "\n\t2:\n\t"                                          \
                            : outputs                                                                     \
                            : [distances] "m"(kmem_percpu_distances), [variable] "r"(variable)__VA_ARGS__ \
                            : "ecx", "cc", "memory"                                                       \
                            : taken)
#define KMEM_PERCPU_COPY "(%[variable],%%ecx)"
#define KMEM_PERCPU_COMMA ,

#define KMEM_PERCPU_CHANGE(name, mnemonic, type, immediate)                                                \
  KMEM_PERCPU_INLINE int kmem_percpu_try_##name(void* variable, type value) {                              \
    KMEM_PERCPU_ASM(mnemonic " %[value], " KMEM_PERCPU_COPY, , KMEM_PERCPU_COMMA[value] immediate(value)); \
    return 1;                                                                                              \
  taken:                                                                                                   \
    return 0;                                                                                              \
  }
#define KMEM_PERCPU_FETCH(reg, code, inputs)              \
  KMEM_PERCPU_ASM(code, [found] "=&" reg(found), inputs); \
  *old = found;                                           \
  return 1;                                               \
  taken:                                                  \
  return 0;
/* s: the suffix of instructions; reg: the registers that have that size. */
#define KMEM_PERCPU_SIZE(bits, s, reg)                                                                                  \
  KMEM_PERCPU_CHANGE(add_##bits, "add" s, uint##bits##_t, reg "i")                                                      \
  KMEM_PERCPU_CHANGE(and_##bits, "and" s, uint##bits##_t, reg "i")                                                      \
  KMEM_PERCPU_CHANGE(or_##bits, "or" s, uint##bits##_t, reg "i")                                                        \
  KMEM_PERCPU_CHANGE(write_##bits, "mov" s, uint##bits##_t, reg "i")                                                    \
  KMEM_PERCPU_INLINE int kmem_percpu_try_read_##bits(void* variable, uint##bits##_t* old) {                             \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(reg, "mov" s " " KMEM_PERCPU_COPY ", %[found]", )                                                 \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_xchg_##bits(void* variable, uint##bits##_t value, uint##bits##_t* old) {       \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(reg, "mov" s " " KMEM_PERCPU_COPY ", %[found]\n\tmov" s " %[value], " KMEM_PERCPU_COPY,           \
                      KMEM_PERCPU_COMMA[value] reg(value))                                                              \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_cmpxchg_##bits(void* variable, uint##bits##_t expected, uint##bits##_t value,  \
                                                        uint##bits##_t* old) {                                          \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(reg,                                                                                              \
                      "mov" s " " KMEM_PERCPU_COPY ", %[found]\n\tcmp" s " %[expected], %[found]\n\tjne 2f\n\t"         \
                      "mov" s " %[value], " KMEM_PERCPU_COPY,                                                           \
                      KMEM_PERCPU_COMMA[value] reg(value) KMEM_PERCPU_COMMA[expected] "m"(expected))                    \
  }                                                                                                                     \
  KMEM_PERCPU_INLINE int kmem_percpu_try_add_return_##bits(void* variable, uint##bits##_t value, uint##bits##_t* old) { \
    uint##bits##_t found;                                                                                               \
    KMEM_PERCPU_FETCH(reg,                                                                                              \
                      "mov" s " " KMEM_PERCPU_COPY ", %[found]\n\tadd" s " %[value], %[found]\n\t"                      \
                      "mov" s " %[found], " KMEM_PERCPU_COPY,                                                           \
                      KMEM_PERCPU_COMMA[value] reg(value))                                                              \
  }
KMEM_PERCPU_SIZE(8, "b", "q")
KMEM_PERCPU_SIZE(16, "w", "r")
KMEM_PERCPU_SIZE(32, "l", "r")
#undef KMEM_PERCPU_SIZE
#define KMEM_PERCPU_NO_STEP_OF_64

#endif

#if !KMEM_PERCPU_RSEQ || defined(KMEM_PERCPU_NO_STEP_OF_64)

/* Every call takes the slow path. */
#define KMEM_PERCPU_SIZE(bits)                                                                                              \
  KMEM_PERCPU_INLINE int kmem_percpu_try_add_##bits(void* v, uint##bits##_t a) { return (void)v, (void)a, 0; }              \
  KMEM_PERCPU_INLINE int kmem_percpu_try_and_##bits(void* v, uint##bits##_t a) { return (void)v, (void)a, 0; }              \
  KMEM_PERCPU_INLINE int kmem_percpu_try_or_##bits(void* v, uint##bits##_t a) { return (void)v, (void)a, 0; }               \
  KMEM_PERCPU_INLINE int kmem_percpu_try_write_##bits(void* v, uint##bits##_t a) { return (void)v, (void)a, 0; }            \
  KMEM_PERCPU_INLINE int kmem_percpu_try_read_##bits(void* v, uint##bits##_t* old) { return (void)v, (void)old, 0; }        \
  KMEM_PERCPU_INLINE int kmem_percpu_try_xchg_##bits(void* v, uint##bits##_t a, uint##bits##_t* old) {                      \
    return (void)v, (void)a, (void)old, 0;                                                                                  \
  }                                                                                                                         \
  KMEM_PERCPU_INLINE int kmem_percpu_try_cmpxchg_##bits(void* v, uint##bits##_t a, uint##bits##_t b, uint##bits##_t* old) { \
    return (void)v, (void)a, (void)b, (void)old, 0;                                                                         \
  }                                                                                                                         \
  KMEM_PERCPU_INLINE int kmem_percpu_try_add_return_##bits(void* v, uint##bits##_t a, uint##bits##_t* old) {                \
    return (void)v, (void)a, (void)old, 0;                                                                                  \
  }
#if !KMEM_PERCPU_RSEQ
KMEM_PERCPU_SIZE(8)
KMEM_PERCPU_SIZE(16)
KMEM_PERCPU_SIZE(32)
#endif
KMEM_PERCPU_SIZE(64)

#endif

#undef KMEM_PERCPU_SIZE
#undef KMEM_PERCPU_FETCH
#ifdef KMEM_PERCPU_CHANGE
#undef KMEM_PERCPU_CHANGE
#endif

#endif
