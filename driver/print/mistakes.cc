#include "print/mistakes.h"

#include <kmem/driver.h>
#include <kmem/stats.h>

namespace kmem_driver {
namespace {
unsigned long nr_mistakes;
}
void count_mistake() { __atomic_add_fetch(&nr_mistakes, 1, __ATOMIC_RELAXED); }
}  // namespace kmem_driver

extern "C" unsigned long kmem_driver_mistakes() noexcept {
  return kmem_reports() + __atomic_load_n(&kmem_driver::nr_mistakes, __ATOMIC_RELAXED);
}
