#pragma once
// Blocks too large for the page allocator: address space of their own, straight from the port.

#include "base/atomic.h"
#include "base/fault.h"
#include "page/page_allocator.h"
#include "port/port.h"
#include "watch/counters.h"

namespace kmem {

/// The blocks by address: an open-addressed table whose keys are claimed by compare-and-exchange.  Lock-free, any
/// context.  The port's map and unmap are called with nothing held.
///
/// Invariants on a quiet system (walked by check()):
///   L1  a key is found from its home place without crossing an empty one
///   L2  nr and bytes are the sums over the table, without what is held back
class MappedBlocks {
 public:
  static constexpr uint32_t kEntries = 1 << 17;  // twice Linux' default vm.max_map_count
  static size_t metadata_bytes() { return kEntries * sizeof(Entry); }
  /// `account`: where the blocks count against the machine's limit; null for nowhere.
  void init(void* metadata, PageAllocator* account = nullptr) {
    table_ = static_cast<Entry*>(metadata);
    account_ = account;
  }

  /// Zeroed memory; null where the host, the table or the limit has no more.  May reclaim for the limit's sake.
  /// What lies behind it in its last page must stay zero: free() looks.
  void* alloc(size_t bytes, size_t align);
  /// The same for exactly `size` bytes, their end at a page that nobody may touch, and such a page in front: an access
  /// beyond is stopped by the machine.  What lies between block and pages holds a pattern, which free() looks at.
  /// Freed, its addresses stay closed and taken until others of the kind have followed.  `align` up to a page.
  void* alloc_guarded(size_t size, size_t align);
  bool is_guarded(const void* p) const;
  /// A guarded block that was freed.
  bool is_held(const void* p) const;
  /// Looks at the patterns around all guarded blocks; what is wrong is reported and put right.  The number of faults.
  uint64_t validate();
  /// The bytes of the patterns; 0 as the kernel has them.
  void set_key(uint64_t key) { key_ = key; }
  /// The size of the block that begins at p, as it was asked for; 0 where none does.
  size_t size_of(const void* p) const;
  bool free(void* p);
  /// Another size for a block, without copying; null leaves it as it was.
  void* resize(void* p, size_t bytes);

  /// Calls visit(address, bytes) for each block.
  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0; i < kEntries; ++i)
      if (const uint64_t key = table_[i].key.peek(); key > kGone) visit(key, table_[i].bytes.peek() & kBytes);
  }
  uint64_t nr() const { return nr_.value(); }
  uint64_t bytes() const { return bytes_.value(); }
  uint64_t peak_bytes() const { return peak_.value(); }
  Fault check() const;

 private:
  friend class MappedBlocksTestPeer;
  struct Entry {
    Atomic<uint64_t> key;  // the address; 0 never used, 1 used before
    Atomic<uint64_t> bytes;  // of pages; how many of them nobody asked for; and two flags
  };
  static constexpr uint64_t kGone = 1;
  static constexpr uint64_t kGuarded = uint64_t{1} << 62, kHeld = uint64_t{1} << 63;
  static constexpr unsigned kSlackShift = 48;  // of the bytes behind the block; less than a page
  static constexpr uint64_t kBytes = (uint64_t{1} << kSlackShift) - 1;
  static uint64_t slack_of(uint64_t word) { return (word & ~(kGuarded | kHeld)) >> kSlackShift; }
  /// Guarded blocks that stay closed after their free.  They hold addresses and no memory.
  static constexpr uint32_t kMostHeld = 64;
  /// From the first byte of the closed page in front to the end of the one behind.
  struct Range { char* from = nullptr; size_t bytes = 0; };
  static Range range_of(const void* p, size_t size);
  void free_guarded(void* p, size_t size);
  bool check_around(char* p, size_t size);
  uint64_t validate(const Entry* entry);
  static void check_slack(const char* p, uint64_t word);
  bool check_bytes(char* p, size_t size, char* from, char* to);
  void fill(char* from, char* to) const;
  static uint32_t home(uint64_t key) { return static_cast<uint32_t>((key >> 12) * 0x9e3779b97f4a7c15u >> 47) % kEntries; }
  Entry* find(const void* p) const;
  bool insert(void* p, size_t bytes);
  bool erase(const void* p, size_t& bytes);
  bool charge(size_t bytes) { return !account_ || account_->charge(bytes >> kPageShift); }
  void uncharge(size_t bytes) {
    if (account_) account_->uncharge(bytes >> kPageShift);
  }

  Entry* table_ = nullptr;
  PageAllocator* account_ = nullptr;
  Counter nr_, bytes_, peak_;
  /// The first guarded blocks that there ever were, so that looking at few of them does not touch the whole table.
  static constexpr uint32_t kMostKnown = 64;
  Atomic<uint64_t> known_[kMostKnown];
  Atomic<uint32_t> nr_guarded_{0};  // ever
  uint64_t key_ = 0;
  Atomic<uint64_t> held_[kMostHeld];  // addresses
  Atomic<uint32_t> next_held_{0};
};

}  // namespace kmem
