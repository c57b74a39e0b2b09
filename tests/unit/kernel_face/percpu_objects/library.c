/* Loaded at start: it has variables of its own, shows one, and uses one of the program's. */
#include <linux/percpu.h>

#include "shared.h"

DEFINE_PER_CPU(long, of_library) = 42;
EXPORT_PER_CPU_SYMBOL_GPL(of_library);
static DEFINE_PER_CPU(int, hidden) = 3;

void library_bump(void) {
  this_cpu_inc(of_library);
  this_cpu_add(of_program, 2);
  this_cpu_inc(hidden);
}

long library_hidden(void) {
  long sum = 0;
  int cpu;
  for_each_possible_cpu(cpu) sum += per_cpu(hidden, cpu);
  return sum;
}
