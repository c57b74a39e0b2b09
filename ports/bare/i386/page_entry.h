#pragma once
// The entry of a page table on i386 with PAE: that of x86-64 with a level less, whose top table has four entries.

#include "bare.h"

extern "C" {
/// The bit of a page that holds no code; 0 on a processor without it.
extern uint64_t bare_no_code;
/// From physical addresses to the port's tables, or to others; boot.S.
void bare_use_tables(uint32_t top);
}

namespace bare {

inline constexpr unsigned kTopLevel = 2, kTopEntries = 4;
inline constexpr uint64_t kPresent = 1, kWrite = 2, kWriteThrough = 8, kLarge = 1 << 7;
inline constexpr uint64_t kDemand = 1 << 9;   // software: a zeroed frame comes on demand
inline constexpr uint64_t kOwned = 1 << 10;   // software: the frame is the pool's, freed with the mapping
inline constexpr uint64_t kClosed = 1 << 11;  // software: temporarily not present, the frame stays
inline constexpr uint64_t kUncached = 0x18;   // PCD and PWT: the fourth entry of the page attribute table
inline constexpr uint64_t kFrame = 0x000ffffffffff000;
/// The bits that say whether it may be written.
inline constexpr uint64_t kAccess = kWrite;

constexpr bool is_large(uint64_t entry) { return entry & kLarge; }
constexpr uint64_t as_large(uint64_t page) { return page | kLarge; }
constexpr uint64_t as_page(uint64_t large) { return large & ~kLarge; }
constexpr uint64_t table_entry(uint64_t table) { return table | kPresent | kWrite; }
/// The processor reads the four entries when it is told of the table; they have no other bits.
constexpr uint64_t top_entry(uint64_t table) { return table | kPresent; }
constexpr uint64_t access_bits(bool write) { return write ? kWrite : 0; }
constexpr bool may_write(uint64_t entry) { return entry & kWrite; }

inline uint64_t page_entry(uint64_t phys, Mapping how) {
  const uint64_t cache = how.cache == Cache::Uncached ? kUncached : how.cache == Cache::Combining ? kWriteThrough : 0;
  return phys | kPresent | access_bits(how.write) | cache | (how.code ? 0 : bare_no_code);
}

/// Makes entries that were written known to this CPU's walks; no other order is needed here.
inline void entries_written() {}
/// Other processors must forget an entry before they find another one in its place; these need not.
inline void break_before_make(uint64_t&) {}

inline void use_tables(uint64_t top) { bare_use_tables(static_cast<uint32_t>(top)); }

}  // namespace bare
