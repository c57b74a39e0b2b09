#pragma once
// Shared by the functions for boot memory.

#include "port/port.h"
#include "system/system.h"
#include "watch/report.h"

namespace early {

/// True during the early hook, and later if kmem has booted.
inline bool is_there() { return kmem::boot_memory().is_early() || kmem::boot(); }

/// 0: there is none.
inline uint64_t phys_alloc(const kmem::MemRequest& request, kmem::Contents contents = kmem::Contents::Any) {
  if (!is_there()) return 0;
  const auto at = kmem::boot_memory().alloc(request, contents);
  return at ? at->value : 0;
}

inline char* allocate(const kmem::MemRequest& request, kmem::Contents contents) {
  const uint64_t at = phys_alloc(request, contents);
  return at ? kmem::boot_memory().address({at}) : nullptr;
}

[[noreturn]] inline void panic_without(unsigned long bytes) {
  kmem::bug_report(kmem::Trouble::Bug, "Out of memory: no %lu bytes of boot memory", bytes);
  kmem_port_panic();
}

}  // namespace early
