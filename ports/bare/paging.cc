// Page tables of several levels, with 512 entries each, but for the top one.  A page that comes on demand is an entry that is
// not present, with a software bit set.  What the bits are is in the processor's page_entry.h.

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "page_entry.h"

namespace bare {
namespace {

constexpr uint64_t kLargeBytes = uint64_t{2} << 20;

SpinLock lock;
uint64_t top = 0;

/// In one step, because other CPUs read it.
void write(uint64_t& entry, uint64_t value) { __atomic_store_n(&entry, value, __ATOMIC_RELAXED); }

uint64_t* table_at(uint64_t phys) { return reinterpret_cast<uint64_t*>(seen_at(phys & kFrame)); }

uint64_t new_table() {
  const uint64_t at = pool.take();
  if (at) memset(seen_at(at), 0, kPageSize);
  return at;
}

/// A walk must not find the table before its entries.
void link_table(uint64_t& entry, uint64_t table) {
  entries_written();
  write(entry, table_entry(table));
}

/// Splits a large page into 512 small ones.
bool split(uint64_t& entry) {
  const uint64_t table = new_table();
  if (!table) return false;
  const uint64_t first = as_page(entry);
  for (unsigned i = 0; i < 512; ++i) table_at(table)[i] = first + i * kPageSize;
  break_before_make(entry);
  link_table(entry, table);
  return true;
}

/// Splits a large entry that comes on demand into entries for single pages.
bool split_demand(uint64_t& entry) {
  const uint64_t table = new_table();
  if (!table) return false;
  for (unsigned i = 0; i < 512; ++i) table_at(table)[i] = entry;
  link_table(entry, table);
  return true;
}

/// Gives an entry a table if it has none.
bool give_table(uint64_t& entry, bool make) {
  if (entry & kPresent) return !is_large(entry) || (make && split(entry));
  if (entry & kDemand) return split_demand(entry);
  const uint64_t made = make ? new_table() : 0;
  if (made) link_table(entry, made);
  return made != 0;
}

unsigned index(uint64_t at, unsigned level) {
  return static_cast<unsigned>(at >> (12 + 9 * level)) & (level == kTopLevel ? kTopEntries - 1 : 511);
}

/// The entry for an address at a level (0: a page, 1: 2 MiB, 2: 1 GiB); null if there is no table and `make` is false.
uint64_t* entry_of(uint64_t at, bool make, unsigned level = 0) {
  uint64_t* table = table_at(top);
  for (unsigned l = kTopLevel; l > level; --l) {
    uint64_t& entry = table[index(at, l)];
    if (!give_table(entry, make)) return nullptr;
    table = table_at(entry);
  }
  return &table[index(at, level)];
}

/// Clears an entry; returns whether a TLB may hold it.
bool drop(uint64_t& entry) {
  const uint64_t old = entry;
  write(entry, 0);
  if (old & kOwned) pool.give(old & kFrame);
  return old & kPresent;
}

/// Calls visit(entry) for each page of a range that has an entry, or for 2 MiB that come on demand. Releases the lock between
/// parts.
template <typename Visit>
void each_entry(uint64_t at, uint64_t bytes, Visit visit) {
  for (const uint64_t end = at + bytes; at < end;) {
    const Locked locked(lock);
    const uint64_t next = kmem::round_down(at, kLargeBytes) + kLargeBytes, to = next < end ? next : end;
    uint64_t* large = entry_of(at, false, 1);
    const bool whole = to - at == kLargeBytes;
    if (large && (*large & kDemand) && !(*large & kPresent) && whole) visit(*large);
    else if (large && *large && give_table(*large, true))
      for (; at < to; at += kPageSize) visit(*entry_of(at, false));
    at = to;
  }
}

bool map_large(uint64_t at, uint64_t page) {
  uint64_t* entry = entry_of(at, true, 1);
  if (!entry || (*entry & kPresent)) return false;
  write(*entry, as_large(page));
  return true;
}

}  // namespace

uint64_t top_table() { return top; }

bool map_range(uint64_t at, uint64_t phys, uint64_t bytes, Mapping how) {
  bool remembered = false, done = true;
  for (uint64_t off = 0; off < bytes && done;) {
    const Locked locked(lock);
    if (!((at + off) % kLargeBytes) && !((phys + off) % kLargeBytes) && bytes - off >= kLargeBytes &&
        map_large(at + off, page_entry(phys + off, how))) {
      off += kLargeBytes;
      continue;
    }
    uint64_t* entry = entry_of(at + off, true);
    done = entry != nullptr;
    if (!done) break;
    if (drop(*entry)) break_before_make(*entry), remembered = true;
    write(*entry, page_entry(phys + off, how));
    off += kPageSize;
  }
  entries_written();
  if (remembered) flush_all();
  return done;
}

/// In steps as large as possible where there is no table yet.
bool map_on_demand(uint64_t at, uint64_t bytes, Rights rights) {
  const uint64_t marker = kDemand | access_bits(rights == Rights::ReadWrite);
  for (const uint64_t end = at + bytes; at < end;) {
    const Locked locked(lock);
    for (unsigned level = kTopLevel; level-- > 0;) {
      const uint64_t piece = kPageSize << 9 * level;
      if (at % piece || end - at < piece) continue;
      uint64_t* entry = entry_of(at, true, level);
      if (!entry) return false;
      if (level && *entry) continue;
      if (!(*entry & (kPresent | kClosed))) *entry = marker;
      at += piece;
      break;
    }
  }
  return true;
}

void unmap_range(uint64_t at, uint64_t bytes) {
  // Frames of the pool may be reused at once, so the TLBs must be flushed before.
  bool remembered = false;
  each_entry(at, bytes, [&](uint64_t& entry) {
    if (entry & kPresent) remembered = true, write(entry, (entry & ~kPresent) | kClosed);
    else if (!(entry & kClosed)) entry = 0;
  });
  if (remembered) flush_all();
  each_entry(at, bytes, [&](uint64_t& entry) { drop(entry); });
}

bool discard_range(uint64_t at, uint64_t bytes) {
  bool all = true, remembered = false;
  each_entry(at, bytes, [&](uint64_t& entry) {
    if (entry & kOwned) remembered |= (entry & kPresent) != 0, write(entry, (entry & ~kPresent) | kClosed);
    else all = all && (entry & kDemand);
  });
  if (remembered) flush_all();
  each_entry(at, bytes, [&](uint64_t& entry) {
    if (!(entry & kOwned)) return;
    const uint64_t access = entry & kAccess;
    drop(entry);
    entry = kDemand | access;
  });
  return all;
}

bool change_access(uint64_t at, uint64_t bytes, Rights rights) {
  const bool read = rights != Rights::None, writes = rights == Rights::ReadWrite;
  bool remembered = false;
  each_entry(at, bytes, [&](uint64_t& entry) {
    if (!(entry & (kPresent | kClosed | kDemand))) return;
    remembered |= (entry & kPresent) != 0;
    const bool comes = entry & kDemand;
    const uint64_t now = (entry & ~(kAccess | kClosed)) | access_bits(writes) | (comes && !read ? kClosed : 0);
    write(entry, comes ? now : read ? now | kPresent : (now & ~kPresent) | kClosed);
  });
  if (remembered) flush_all();
  return true;
}

/// Makes the tables first, so that nothing has moved if there are no frames for them.
bool move_range(uint64_t to, uint64_t from, uint64_t bytes) {
  for (uint64_t off = 0; off < bytes; off += kPageSize) {
    const Locked locked(lock);
    if (!entry_of(to + off, true)) return false;
  }
  for (uint64_t off = 0; off < bytes; off += kPageSize) {
    const Locked locked(lock);
    uint64_t* source = entry_of(from + off, false);
    if (!source) continue;
    write(*entry_of(to + off, true), *source);
    write(*source, 0);
  }
  flush_all();
  return true;
}

bool resolve_fault(uint64_t at, bool writes) {
  const Locked locked(lock);
  uint64_t* entry = entry_of(at, false);
  if (!entry) return false;
  if (*entry & kPresent) return !writes || may_write(*entry);  // another CPU was faster
  if (!(*entry & kDemand) || (*entry & kClosed) || (writes && !may_write(*entry))) return false;
  const uint64_t frame = pool.take();
  if (!frame) return say("kmem: the port has no frames left; see docs/bare.md\n"), false;
  memset(seen_at(frame), 0, kPageSize);
  write(*entry, page_entry(frame, {.write = may_write(*entry)}) | kOwned);
  entries_written();
  return true;
}

uint64_t* entry_for(uint64_t at) {
  const Locked locked(lock);
  return entry_of(at, true);
}

bool is_mapped(uint64_t at) {
  if (!top) return false;  // a report before there are tables
  const Locked locked(lock);
  for (unsigned level = kTopLevel - 1;; --level) {
    const uint64_t* entry = entry_of(at, false, level);
    if (!entry) return false;
    if (!level || !(*entry & kPresent) || is_large(*entry)) return (*entry & (kPresent | kDemand)) && !(*entry & kClosed);
  }
}

/// A processor whose top table is small reads it only once: it has all its tables from the start.
static uint64_t new_top_table() {
  const uint64_t table = new_table();
  for (unsigned i = 0; table && kTopEntries < 512 && i < kTopEntries; ++i) {
    const uint64_t next = new_table();
    if (!next) return 0;
    table_at(table)[i] = top_entry(next);
  }
  return table;
}

/// Maps the image, and all memory in the direct map that has room there.
void make_page_tables() {
  top = new_top_table();
  if (!top) panic("no frame for page tables");
  bool done = map_image();
  for (unsigned i = 0; i < firmware.ram.nr; ++i) {
    const uint64_t from = kmem::round_down(firmware.ram.all[i].start, kLargeBytes);
    const uint64_t end = firmware.ram.all[i].end < firmware.low_end ? firmware.ram.all[i].end : firmware.low_end;
    const uint64_t to = kmem::round_up(end, kLargeBytes);
    for (uint64_t at = from; at < to; at += kLargeBytes)
      if (!is_mapped(kDirectMap + at)) done = done && map_range(kDirectMap + at, at, kLargeBytes, {});
  }
  if (!done) panic("no frames for page tables");
  use_tables(top);
  has_direct_map = true;
}

}  // namespace bare
