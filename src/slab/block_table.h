#pragma once
// A table of blocks that have no descriptor: one word for each, by address.

#include "base/atomic.h"
#include "base/fault.h"
#include "watch/counters.h"

namespace kmem {

/// Open-addressed tables whose keys are claimed by compare-and-exchange, each four times as large as the one before.  New
/// keys go to the first table that is less than half full; a key lies within kReach places of its home, or in another table.
/// Lock-free, any context.  The port's map() is called with no lock held.
///
/// Keys are complements of addresses, so that a scan of memory for pointers finds none here.
///
/// Invariants on a quiet system (walked by check()):
///   L1  a key is found from its home place without crossing an empty one
///   L2  the count of a table is the number of its keys
class BlockTable {
 public:
  struct Entry {
    Atomic<uint64_t> key;   // 0 never used, 1 used before, 2 being written
    Atomic<uint64_t> word;  // the owner's; 0 until it is set
  };
  static constexpr uint32_t kFirst = 256;
  static constexpr unsigned kMostTables = 9;  // 16 million places in the last
  static size_t metadata_bytes() { return kFirst * sizeof(Entry); }
  /// `metadata`: zeroed, for the first table.
  void init(void* metadata) { tables_[0].store(static_cast<Entry*>(metadata)); }

  /// Null if no block begins at p.
  Entry* find(const void* p) const;
  /// False if there is no memory for a larger table. p must not be in the table, and must be a multiple of 4.
  bool insert(const void* p, uint64_t word);
  /// Of several callers with the same p only one gets true, and then owns the block.
  bool erase(Entry* entry, const void* p);
  static const void* address_of(uint64_t key) { return reinterpret_cast<const void*>(~key); }

  /// Calls visit(address, entry) for each.
  template <typename Visit>
  void each(Visit visit) const {
    for (unsigned t = 0; t < kMostTables; ++t)
      for (uint32_t i = 0; tables_[t].peek() && i < size(t); ++i)
        if (const uint64_t key = tables_[t].peek()[i].key.peek(); key > kLeaving) visit(address_of(key), tables_[t].peek()[i]);
  }
  uint64_t nr() const;
  Fault check() const;

 private:
  friend class BlockTableTestPeer;
  static constexpr uint64_t kGone = 1, kLeaving = 2;
  static constexpr uint32_t kReach = 32;
  static constexpr uint32_t size(unsigned table) { return kFirst << (2 * table); }
  static uint64_t key_of(const void* p) { return ~reinterpret_cast<uint64_t>(p); }
  static uint32_t home(uint64_t key, unsigned table);
  Entry* find_in(unsigned table, uint64_t key) const;
  bool insert_into(unsigned table, uint64_t key, uint64_t word);
  Entry* make_table(unsigned table);
  unsigned table_of(const Entry* entry) const;

  Atomic<Entry*> tables_[kMostTables];
  Counter nr_[kMostTables];
  Atomic<uint32_t> current_{0};  // a hint: no table before it has room
};

}  // namespace kmem
