#ifndef KMEM_LINUX_CPUMASK_H
#define KMEM_LINUX_CPUMASK_H
/* Sets of CPUs.
 *
 * Possible are all numbers that smp_processor_id() may ever return, one for each copy of a per-CPU variable: the host's
 * possible CPUs, followed by a few substitute numbers, which are used while a task owns a CPU's copy between get_cpu()
 * and put_cpu().  A sum over all possible CPUs includes every copy.
 *
 * Present and online CPUs are those of the host, read at most every tenth of a second.  A substitute number counts as
 * both from its first use on, so that a sum over the online CPUs includes every used copy too.
 *
 * Meaning: the kernel's Documentation/core-api/cpu_hotplug.rst. */
#include <kmem/c_face.h>
#include <linux/types.h>

#ifndef NR_CPUS
#define NR_CPUS 8192
#endif
#define KMEM_CPUMASK_BITS ((unsigned)(8 * sizeof(unsigned long)))

/** A set of CPU numbers below NR_CPUS. */
struct cpumask {
  unsigned long bits[(NR_CPUS + 8 * sizeof(unsigned long) - 1) / (8 * sizeof(unsigned long))];
};
typedef struct cpumask cpumask_t;

KMEM_BEGIN_C

/** One more than the highest possible CPU number; constant. */
KMEM_API unsigned int kmem_nr_cpu_ids(void) KMEM_NOTHROW __attribute__((__const__));
enum kmem_cpu_set { KMEM_POSSIBLE_CPUS, KMEM_PRESENT_CPUS, KMEM_ONLINE_CPUS };
/** The set as it is now; it changes in place as CPUs come and go. */
KMEM_API const struct cpumask* kmem_cpu_mask(enum kmem_cpu_set which) KMEM_NOTHROW;

#define nr_cpu_ids kmem_nr_cpu_ids()
#define cpu_possible_mask kmem_cpu_mask(KMEM_POSSIBLE_CPUS)
#define cpu_present_mask kmem_cpu_mask(KMEM_PRESENT_CPUS)
#define cpu_online_mask kmem_cpu_mask(KMEM_ONLINE_CPUS)

static inline bool cpumask_test_cpu(int cpu, const struct cpumask* mask) {
  return cpu >= 0 && cpu < NR_CPUS &&
         (__atomic_load_n(&mask->bits[(unsigned)cpu / KMEM_CPUMASK_BITS], __ATOMIC_RELAXED) >>
              ((unsigned)cpu % KMEM_CPUMASK_BITS) &
          1);
}
/** Atomic. */
static inline void cpumask_set_cpu(unsigned int cpu, struct cpumask* mask) {
  __atomic_fetch_or(&mask->bits[cpu / KMEM_CPUMASK_BITS], 1ul << cpu % KMEM_CPUMASK_BITS, __ATOMIC_RELAXED);
}
static inline void cpumask_clear_cpu(int cpu, struct cpumask* mask) {
  __atomic_fetch_and(&mask->bits[(unsigned)cpu / KMEM_CPUMASK_BITS], ~(1ul << (unsigned)cpu % KMEM_CPUMASK_BITS),
                     __ATOMIC_RELAXED);
}
static inline void cpumask_clear(struct cpumask* mask) {
  unsigned i;
  for (i = 0; i < sizeof mask->bits / sizeof *mask->bits; ++i) mask->bits[i] = 0;
}
static inline void cpumask_copy(struct cpumask* to, const struct cpumask* from) { *to = *from; }
/** to = a & b; returns false if the result is empty. */
static inline bool cpumask_and(struct cpumask* to, const struct cpumask* a, const struct cpumask* b) {
  unsigned long any = 0;
  unsigned i;
  for (i = 0; i < sizeof to->bits / sizeof *to->bits; ++i) any |= to->bits[i] = a->bits[i] & b->bits[i];
  return any != 0;
}
static inline void cpumask_or(struct cpumask* to, const struct cpumask* a, const struct cpumask* b) {
  unsigned i;
  for (i = 0; i < sizeof to->bits / sizeof *to->bits; ++i) to->bits[i] = a->bits[i] | b->bits[i];
}

/** The first CPU of the set after n (-1: from the start); nr_cpu_ids or more if there is none. */
static inline unsigned int cpumask_next(int n, const struct cpumask* mask) {
  unsigned cpu = (unsigned)(n + 1);
  while (cpu < nr_cpu_ids) {
    const unsigned long rest = mask->bits[cpu / KMEM_CPUMASK_BITS] >> cpu % KMEM_CPUMASK_BITS;
    if (rest) {
      cpu += (unsigned)__builtin_ctzl(rest);
      return cpu < nr_cpu_ids ? cpu : nr_cpu_ids;
    }
    cpu = (cpu / KMEM_CPUMASK_BITS + 1) * KMEM_CPUMASK_BITS;
  }
  return nr_cpu_ids;
}
static inline unsigned int cpumask_first(const struct cpumask* mask) { return cpumask_next(-1, mask); }
static inline bool cpumask_empty(const struct cpumask* mask) { return cpumask_first(mask) >= nr_cpu_ids; }
static inline unsigned int cpumask_weight(const struct cpumask* mask) {
  unsigned n = 0, cpu;
  for (cpu = cpumask_first(mask); cpu < nr_cpu_ids; cpu = cpumask_next((int)cpu, mask)) ++n;
  return n;
}

KMEM_END_C

/** For the CPUs of a set, lowest first; `cpu` is the caller's variable. */
#define for_each_cpu(cpu, mask) \
  for ((cpu) = cpumask_first(mask); (unsigned)(cpu) < nr_cpu_ids; (cpu) = cpumask_next((int)(cpu), mask))
#define for_each_possible_cpu(cpu) for_each_cpu(cpu, cpu_possible_mask)
#define for_each_present_cpu(cpu) for_each_cpu(cpu, cpu_present_mask)
#define for_each_online_cpu(cpu) for_each_cpu(cpu, cpu_online_mask)

#define num_possible_cpus() cpumask_weight(cpu_possible_mask)
#define num_present_cpus() cpumask_weight(cpu_present_mask)
#define num_online_cpus() cpumask_weight(cpu_online_mask)
#define cpu_possible(cpu) cpumask_test_cpu((int)(cpu), cpu_possible_mask)
#define cpu_present(cpu) cpumask_test_cpu((int)(cpu), cpu_present_mask)
#define cpu_online(cpu) cpumask_test_cpu((int)(cpu), cpu_online_mask)

#endif
