#ifndef KMEM_RSEQ_DESCRIPTOR_H
#define KMEM_RSEQ_DESCRIPTOR_H
/* The descriptor of a restartable sequence written in assembler: for percpu_rseq.h and kmem itself.
 *
 * The ABI (linux/rseq.h): version, flags, start, length, abort address, in 32 aligned bytes.  The word before the abort
 * address is the signature that glibc registered (sys/rseq.h: RSEQ_SIG); it lies in an undefined instruction, so that a stray
 * jump there faults.
 *
 * KMEM_RSEQ_DESCRIPTOR(aborted) emits, outside the code, a descriptor at label 3 for the code from label 1 to label 2, and at
 * label 4 an abort handler that jumps to the named C label. It adds no instruction to the caller. The caller must not retry
 * without limit after an abort: under a debugger that single-steps every attempt is aborted. */

#if defined(__x86_64__)
#define KMEM_RSEQ_SIGNATURE ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n\t" /* ud1 0x53053053(%rip), %edi */
#define KMEM_RSEQ_JUMP "jmp"
#else                                                           /* arm64 */
#define KMEM_RSEQ_SIGNATURE ".balign 4\n\t.long 0xd428bc00\n\t" /* brk */
#define KMEM_RSEQ_JUMP "b"
#endif

#define KMEM_RSEQ_DESCRIPTOR(aborted)                                                                           \
  ".pushsection __rseq_cs, \"aw?\"\n\t"                                                                         \
  ".balign 32\n\t"                                                                                              \
  "3:\n\t"                                                                                                      \
  ".long 0, 0\n\t"                                                                                              \
  ".quad 1f, 2f - 1f, 4f\n\t"                                                                                   \
  ".popsection\n\t"                                                                                             \
  ".pushsection .text.kmem_rseq_abort, \"ax?\"\n\t" KMEM_RSEQ_SIGNATURE "4:\n\t" KMEM_RSEQ_JUMP " %l[" #aborted \
  "]\n\t"                                                                                                       \
  ".popsection\n\t"

#endif
