#ifndef KMEM_ASM_PROCESSOR_H
#define KMEM_ASM_PROCESSOR_H
/* What a loop that waits tells the processor, and what it may fetch early. */
#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define cpu_relax() __asm__ __volatile__("yield" : : : "memory")
#else
#define cpu_relax() __asm__ __volatile__("" : : : "memory")
#endif
/** Where the addresses of user space end. */
#ifndef TASK_SIZE
#define TASK_SIZE (1UL << (8 * sizeof(long) == 64 ? 47 : 31))
#define TASK_SIZE_MAX TASK_SIZE
#endif
#define ARCH_HAS_PREFETCH
#define ARCH_HAS_PREFETCHW
#define prefetch(address) __builtin_prefetch(address)
#define prefetchw(address) __builtin_prefetch((address), 1)
#endif
