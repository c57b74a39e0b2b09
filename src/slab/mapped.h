#pragma once
// Blocks too large for the page allocator: address space of their own, straight from the port.

#include "base/atomic.h"
#include "base/fault.h"
#include "page/page_allocator.h"
#include "port/port.h"
#include "slab/block.h"
#include "slab/block_guards.h"
#include "slab/block_table.h"
#include "slab/kept_blocks.h"
#include "watch/counters.h"

namespace kmem {

/// The first of certain blocks, so that a walk over few of them does not touch the whole table.
class FirstBlocks {
 public:
  static constexpr uint32_t kMost = 64;
  void add(const void* p) {
    if (const uint32_t n = nr_.fetch_add(1); n < kMost) at_[n].store(reinterpret_cast<uint64_t>(p));
  }
  /// The number ever added; at() has the first kMost of them.
  uint32_t nr() const { return nr_.load(); }
  const void* at(uint32_t i) const { return reinterpret_cast<const void*>(at_[i].load()); }

 private:
  Atomic<uint64_t> at_[kMost];
  Atomic<uint32_t> nr_{0};
};

/// Blocks that stay inaccessible after their free. They occupy addresses but no memory.
class HeldBlocks {
 public:
  static constexpr uint32_t kMost = 64;
  /// Adds a block.  Returns the one that was evicted, which is then the caller's; null if there was room.
  void* add(void* p) {
    return reinterpret_cast<void*>(at_[next_.fetch_add(1) % kMost].exchange(reinterpret_cast<uint64_t>(p)));
  }
  /// Takes a block out, the oldest unless another task adds one meanwhile; null if there is none.
  void* take() {
    const uint32_t oldest = next_.load();
    for (uint32_t i = 0; i < kMost; ++i)
      if (const uint64_t p = at_[(oldest + i) % kMost].exchange(0)) return reinterpret_cast<void*>(p);
    return nullptr;
  }

 private:
  Atomic<uint64_t> at_[kMost];
  Atomic<uint32_t> next_{0};
};

/// Counts of blocks in use, and of their bytes.
struct BlocksOut {
  Counter nr, bytes, peak;
  void add(uint64_t more) {
    nr.add();
    bytes.add(more);
    peak.raise_to(bytes.value());
  }
  void sub(uint64_t less) {
    nr.sub();
    bytes.sub(less);
  }
};

/// Lock-free, any context. The port's map and unmap are called with no lock held.
///
/// Invariants on a quiet system (walked by check(), after those of BlockTable):
///   L3  nr and bytes are the sums over the table, without freed blocks that stay inaccessible or are kept
/// and L4 of KeptBlocks, for kept blocks.
class MappedBlocks {
 public:
  static size_t metadata_bytes() { return BlockTable::metadata_bytes(); }
  /// `account`: the allocator to which the blocks are charged; null: none.
  void init(void* metadata, PageAllocator* account = nullptr) {
    table_.init(metadata);
    account_ = account;
  }

  /// Null if the host, the table or the limit has no more. May reclaim to stay within the limit. The rest of its last page must
  /// stay zero: free() checks it.
  void* alloc(size_t bytes, size_t align, Contents contents);
  /// The same for exactly `size` bytes between two guard pages, with the end at a page: an access beyond faults. The
  /// bytes between block and guard pages hold a pattern, which free() checks. After the free its addresses stay
  /// inaccessible and reserved until other such blocks have been freed, or the host has no other addresses. `align` up to
  /// a page.
  void* alloc_guarded(size_t size, size_t align);
  bool is_guarded(const void* p) const;
  /// Shrinks a guarded block to so many bytes; the pages after it become inaccessible and go back to the host. False if
  /// the host refuses, and the block is unchanged.
  bool shrink_guarded(void* p, size_t size);
  /// Grows a guarded block into the bytes between its end and the page that is inaccessible. False if they do not suffice.
  bool grow_guarded(void* p, size_t size);
  /// Is p a block that was freed, and is guarded or kept?
  bool is_held(const void* p) const;
  /// Checks the patterns around all guarded blocks; reports and repairs what is wrong. Returns the number of faults.
  uint64_t validate();
  /// Sets the key of the patterns; 0: the kernel's pattern.
  void set_key(uint64_t key) { guards_.set_key(key); }
  /// The requested size of the block that begins at p; 0 if none does.
  size_t size_of(const void* p) const;
  /// Whether a freed block's addresses and memory may be kept.
  enum class Freed : uint8_t {
    Goes,
    MayStay,  // for the next block of its size, if all kept blocks are small compared with those in use
  };
  bool free(void* p, Freed freed = Freed::Goes);
  /// Releases all kept blocks except that of one place; returns the number of pages.
  uint64_t let_go(const KeptBlocks::Place* but = nullptr);
  /// Resizes a block without copying; null: it is unchanged.
  void* resize(void* p, size_t bytes);

  /// Calls visit(address, bytes) for each block.
  template <typename Visit>
  void each(Visit visit) const {
    table_.each([&](const void* p, Entry& entry) {
      if (const uint64_t word = entry.word.peek(); !(word & kKept)) visit(reinterpret_cast<uint64_t>(p), word & kBytes);
    });
  }
  uint64_t nr() const { return out_.nr.value(); }
  uint64_t bytes() const { return out_.bytes.value(); }
  uint64_t peak_bytes() const { return out_.peak.value(); }
  Fault check() const;

 private:
  friend class MappedBlocksTestPeer;
  /// The entry's word: the bytes of its pages, how many of them were not requested, and two flags.
  using Entry = BlockTable::Entry;
  static constexpr uint64_t kKept = uint64_t{1} << 61, kGuarded = uint64_t{1} << 62, kHeld = uint64_t{1} << 63;
  static constexpr unsigned kSlackShift = 48;  // position of the number of bytes behind the block; less than a page
  static constexpr uint64_t kBytes = (uint64_t{1} << kSlackShift) - 1;
  static uint64_t block_word(uint64_t bytes, uint64_t size) { return bytes | (bytes - size) << kSlackShift; }
  static uint64_t slack_of(uint64_t word) { return (word & ~(kKept | kGuarded | kHeld)) >> kSlackShift; }
  static bool is_out(uint64_t word) { return !(word & (kKept | kHeld)); }
  void* map(size_t bytes, size_t align);
  void let_go(void* held);
  void* give_again(size_t size, uint64_t pages);
  void release(Entry& entry, size_t bytes);
  void free_guarded(void* p, size_t size);
  bool is_damaged(const void* p, uint64_t word);
  static void check_slack(const char* p, uint64_t word);
  uint64_t word_of(const void* p) const {
    const Entry* entry = table_.find(p);
    return entry ? entry->word.load() : 0;
  }
  bool insert(void* p, uint64_t word);
  bool erase(const void* p, size_t& bytes);
  bool charge(size_t bytes) { return !account_ || account_->charge(bytes >> kPageShift); }
  void uncharge(size_t bytes) {
    if (account_) account_->uncharge(bytes >> kPageShift);
  }

  BlockTable table_;
  PageAllocator* account_ = nullptr;
  BlocksOut out_;
  FirstBlocks guarded_;  // all that were ever allocated
  HeldBlocks held_;      // guarded ones that were freed
  KeptBlocks kept_;
  BlockGuards guards_;
};

}  // namespace kmem
