#ifndef KMEM_ASM_TIMEX_H
#define KMEM_ASM_TIMEX_H
/* The processor's counter of time: it runs at a rate of its own, and is for comparing short times. */
typedef unsigned long cycles_t;
static inline cycles_t get_cycles(void) {
#if defined(__x86_64__) || defined(__i386__)
  return (cycles_t)__builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  cycles_t now;
  __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#else
  return 0;
#endif
}
#define get_cycles get_cycles
#define random_get_entropy() get_cycles()
#endif
