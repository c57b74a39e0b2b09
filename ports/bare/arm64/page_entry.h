#pragma once
// The entry of a page table on arm64, with pages of 4 KiB: what ports/bare/paging.cc builds from.

#include "bare.h"

extern "C" void bare_use_tables(uint64_t top, uint64_t offset);

namespace bare {

inline constexpr unsigned kTopLevel = 3, kTopEntries = 512;
inline constexpr uint64_t kPresent = 1, kSmall = 2, kReadOnly = 1 << 7, kInner = 3 << 8, kAccessed = 1 << 10;
inline constexpr uint64_t kNoCode = uint64_t{3} << 53;
inline constexpr uint64_t kDemand = uint64_t{1} << 55;  // software: a zeroed frame comes on demand
inline constexpr uint64_t kOwned = uint64_t{1} << 56;   // software: the frame is the pool's, freed with the mapping
inline constexpr uint64_t kClosed = uint64_t{1} << 57;  // software: temporarily not present, the frame stays
inline constexpr uint64_t kFrame = 0x0000fffffffff000;
/// The bits that say whether it may be written.
inline constexpr uint64_t kAccess = kReadOnly;

constexpr bool is_large(uint64_t entry) { return !(entry & kSmall); }
constexpr uint64_t as_large(uint64_t page) { return page & ~kSmall; }
constexpr uint64_t as_page(uint64_t large) { return large | kSmall; }
constexpr uint64_t table_entry(uint64_t table) { return table | kPresent | kSmall; }
constexpr uint64_t top_entry(uint64_t table) { return table_entry(table); }
constexpr uint64_t access_bits(bool write) { return write ? 0 : kReadOnly; }
constexpr bool may_write(uint64_t entry) { return !(entry & kReadOnly); }

/// Of the three attributes that boot.S sets.
constexpr uint64_t cache_bits(Cache cache) { return cache == Cache::Normal ? 1 << 2 : cache == Cache::Combining ? 2 << 2 : 0; }

constexpr uint64_t page_entry(uint64_t phys, Mapping how) {
  return phys | kPresent | kSmall | kAccessed | kInner | cache_bits(how.cache) | access_bits(how.write) |
         (how.code ? 0 : kNoCode);
}

/// Entries that were written are seen by the walks of all CPUs from now on.
inline void entries_written() { asm volatile("dsb ishst\n\tisb" : : : "memory"); }

/// Other tables, which map the image where it was.
void use_tables(uint64_t top);

/// A CPU that found two entries for one address might use a mixture: all must have forgotten the first (Arm ARM, D8.14).
inline void break_before_make(uint64_t& entry) {
  __atomic_store_n(&entry, 0, __ATOMIC_RELAXED);
  flush_all();
}

}  // namespace bare
