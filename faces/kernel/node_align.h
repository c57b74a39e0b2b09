#pragma once
// Checks of a block for reallocation to an alignment and a node, for all allocators.

#include <linux/mm.h>

#include "base/bits.h"
#include "watch/report.h"

inline bool is_alignment(unsigned long align, const char* who) {
  if (kmem::is_power_of_two(align)) return true;
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, kmem::Trouble::Warning, "%s: an alignment of %lu is not a power of two", who, align);
  return false;
}

inline bool is_aligned(const void* p, unsigned long align) { return !(reinterpret_cast<uintptr_t>(p) & (align - 1)); }
/// Is the page on another node than the flags require?
inline bool is_misplaced(const struct page* page, gfp_t flags, int nid) {
  return (flags & __GFP_THISNODE) && nid != NUMA_NO_NODE && page && page_to_nid(page) != nid;
}

inline size_t least(size_t a, size_t b) { return a < b ? a : b; }
