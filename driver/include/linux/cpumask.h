/* Sets of CPUs that are allocated, and more to do with them, over kmem's own <linux/cpumask.h>. */
#include_next <linux/cpumask.h>

#ifndef KMEM_DRIVER_LINUX_CPUMASK_H
#define KMEM_DRIVER_LINUX_CPUMASK_H
#include <linux/bitmap.h>
#include <linux/slab.h>

/** An allocated set: here always a block of memory. */
typedef struct cpumask* cpumask_var_t;
static inline bool alloc_cpumask_var(cpumask_var_t* mask, gfp_t flags) {
  return (*mask = (struct cpumask*)kmalloc(sizeof(struct cpumask), flags)) != NULL;
}
static inline bool zalloc_cpumask_var(cpumask_var_t* mask, gfp_t flags) {
  return (*mask = (struct cpumask*)kzalloc(sizeof(struct cpumask), flags)) != NULL;
}
static inline bool alloc_cpumask_var_node(cpumask_var_t* mask, gfp_t flags, int node) {
  return (*mask = (struct cpumask*)kmalloc_node(sizeof(struct cpumask), flags, node)) != NULL;
}
static inline bool zalloc_cpumask_var_node(cpumask_var_t* mask, gfp_t flags, int node) {
  return alloc_cpumask_var_node(mask, flags | __GFP_ZERO, node);
}
static inline void free_cpumask_var(cpumask_var_t mask) { kfree(mask); }
static inline bool cpumask_available(cpumask_var_t mask) { return mask != NULL; }

#define nr_cpumask_bits nr_cpu_ids
#define cpumask_bits(mask) ((mask)->bits)
static inline unsigned int cpumask_size(void) { return sizeof(struct cpumask); }
static inline void cpumask_setall(struct cpumask* mask) {
  unsigned int cpu;
  cpumask_clear(mask);
  for (cpu = 0; cpu < nr_cpu_ids; ++cpu) cpumask_set_cpu(cpu, mask);
}
static inline void __cpumask_set_cpu(unsigned int cpu, struct cpumask* mask) { cpumask_set_cpu(cpu, mask); }
static inline void __cpumask_clear_cpu(unsigned int cpu, struct cpumask* mask) { cpumask_clear_cpu((int)cpu, mask); }
/** Returns the old bit. */
static inline bool cpumask_test_and_set_cpu(int cpu, struct cpumask* mask) {
  const unsigned long bit = 1ul << (unsigned)cpu % KMEM_CPUMASK_BITS;
  return (__atomic_fetch_or(&mask->bits[(unsigned)cpu / KMEM_CPUMASK_BITS], bit, __ATOMIC_SEQ_CST) & bit) != 0;
}
static inline bool cpumask_test_and_clear_cpu(int cpu, struct cpumask* mask) {
  const unsigned long bit = 1ul << (unsigned)cpu % KMEM_CPUMASK_BITS;
  return (__atomic_fetch_and(&mask->bits[(unsigned)cpu / KMEM_CPUMASK_BITS], ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}
/** to = a without b; returns whether any CPU is in it. */
static inline bool cpumask_andnot(struct cpumask* to, const struct cpumask* a, const struct cpumask* b) {
  unsigned long any = 0;
  unsigned i;
  for (i = 0; i < sizeof to->bits / sizeof *to->bits; ++i) any |= to->bits[i] = a->bits[i] & ~b->bits[i];
  return any != 0;
}
static inline bool cpumask_equal(const struct cpumask* a, const struct cpumask* b) {
  return __builtin_memcmp(a->bits, b->bits, sizeof a->bits) == 0;
}
static inline bool cpumask_intersects(const struct cpumask* a, const struct cpumask* b) {
  unsigned i;
  for (i = 0; i < sizeof a->bits / sizeof *a->bits; ++i)
    if (a->bits[i] & b->bits[i]) return true;
  return false;
}
static inline bool cpumask_subset(const struct cpumask* a, const struct cpumask* b) {
  unsigned i;
  for (i = 0; i < sizeof a->bits / sizeof *a->bits; ++i)
    if (a->bits[i] & ~b->bits[i]) return false;
  return true;
}
static inline bool cpumask_full(const struct cpumask* mask) { return cpumask_weight(mask) == nr_cpu_ids; }
/** The first that is in both, after n. */
static inline unsigned int cpumask_next_and(int n, const struct cpumask* a, const struct cpumask* b) {
  do n = (int)cpumask_next(n, a);
  while ((unsigned)n < nr_cpu_ids && !cpumask_test_cpu(n, b));
  return (unsigned)n;
}
static inline unsigned int cpumask_next_zero(int n, const struct cpumask* mask) {
  do ++n;
  while ((unsigned)n < nr_cpu_ids && cpumask_test_cpu(n, mask));
  return (unsigned)n;
}
#define cpumask_first_and(a, b) cpumask_next_and(-1, (a), (b))
#define cpumask_first_zero(mask) cpumask_next_zero(-1, (mask))
#define cpumask_any(mask) cpumask_first(mask)
#define cpumask_any_and(a, b) cpumask_first_and((a), (b))
#define for_each_cpu_and(cpu, a, b) \
  for ((cpu) = cpumask_first_and((a), (b)); (unsigned)(cpu) < nr_cpu_ids; (cpu) = cpumask_next_and((int)(cpu), (a), (b)))
#define cpu_active_mask cpu_online_mask
#define cpu_all_mask cpu_possible_mask
/** Text of the set, for "%*pbl". */
#define cpumask_pr_args(mask) (int)nr_cpu_ids, cpumask_bits(mask)
#define num_active_cpus() num_online_cpus()
#define cpu_active(cpu) cpu_online(cpu)

#endif
