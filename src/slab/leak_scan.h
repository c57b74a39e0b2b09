#pragma once
// Finds leaked blocks: no memory that the program can reach holds a pointer to them or into them.
//
// The idea is a garbage collector's (and the kernel's kmemleak): begin with the roots, which are data, stacks and pages; a word
// that looks like an address in a block marks that block as reachable, and its contents are scanned in turn. Blocks that are
// never reached are reported.  A number that looks like an address can hide a leak; a block whose only pointer is disguised, or
// in another thread's registers, is reported though it is not lost.
//
// It runs in a stopped copy of the process, and allocates only from the port.

#include "slab/heap.h"

namespace kmem {

/// A program's statement about a block (<linux/kmemleak.h>).
struct LeakMark {
  enum Kind : uint32_t { None, NotLeak, Ignore, NoScan, ScanArea, Foreign };
  // Addresses are stored inverted, so that a mark does not make a block reachable.
  Atomic<uint64_t> key;  // of the block; 0: the place is free
  uint64_t area = 0;     // ScanArea: the part that holds pointers
  uint64_t bytes = 0;    // ScanArea, Foreign
  uint64_t born = 0;     // when the block was allocated, if known; tells it from a later block at the address
  Kind kind = None;

  uint64_t block() const { return ~key.load(); }
  uint64_t area_from() const { return ~area; }
};

/// Lock-free.
class LeakMarks {
 public:
  static constexpr uint32_t kMost = 8192;
  /// False if there is no room.
  bool add(LeakMark::Kind kind, const void* block, uint64_t born, const void* from, size_t bytes);
  /// Removes all marks of a block.
  void remove(const void* block);
  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0, nr = nr_.load() < kMost ? nr_.load() : kMost; i < nr; ++i)
      if (marks_[i].key.load() > kMaking) visit(marks_[i]);
  }

 private:
  static constexpr uint64_t kMaking = 1;
  LeakMark marks_[kMost];
  Atomic<uint32_t> nr_;
};

/// One scan. Constructed and run in a copy of the process (kmem_port_with_copy); frees nothing.
class LeakScan {
 public:
  struct Totals {
    uint64_t blocks = 0, bytes = 0;  // held by the program
    uint64_t leaked_blocks = 0, leaked_bytes = 0;
    bool done = false;  // false: there was no room for the tables
  };
  /// A leaked block.
  struct Leak {
    const void* address = nullptr;
    size_t bytes = 0;
    const Cache* cache = nullptr;  // null: a large block
  };

  LeakScan(Heap& heap, const SlabWorld& world, const LeakMarks& marks) : heap_(heap), world_(world), marks_(marks) {}
  /// `stack`: where the caller's stack begins; what lies below is the scan's own stack.
  bool run(const void* stack);
  const Totals& totals() const { return totals_; }
  /// Calls visit(leak) for each, by address.
  template <typename Visit>
  void each_leak(Visit visit) const {
    for (uint32_t i = 1; i <= nr_; ++i)
      if (is_leak(i)) visit(leak_at(i));
  }

 private:
  enum Colour : uint8_t { Free, White, Grey, Ignored };
  struct Block {
    uint64_t address;
    uint64_t bytes;
    uint32_t cache_id;
    Colour colour;
    bool scans_areas;
  };

  bool make_tables();
  enum class Pass : uint8_t { Count, Store };
  void each_frame_block(Pass pass);
  uint64_t add_slab(Pfn pfn, Pass pass);
  void add(uint64_t address, uint64_t bytes, uint32_t cache_id, Colour colour);
  void add_outside();
  void free_cached();
  void apply_marks();
  uint32_t find(uint64_t word) const;
  uint32_t find_outside(uint64_t word) const;
  bool blocks_outside_from(uint64_t from, uint64_t to) const;
  void reach(uint64_t word);
  void scan(const uint64_t* words, size_t n);
  void scan_pages(const char* at, uint64_t bytes);
  void scan_frames();
  void scan_grey();
  void scan_block(const Block& block);
  bool is_leak(uint32_t i) const { return blocks_[i].colour == White; }
  Leak leak_at(uint32_t i) const;
  static void visit_root(void* self, const char* at, const uint64_t* words, size_t n);

  Heap& heap_;
  const SlabWorld& world_;
  const LeakMarks& marks_;
  Block* blocks_ = nullptr;    // from 1; those in frames by address, then those outside by address
  uint32_t* first_ = nullptr;  // by pfn: the first block of the frame's slab, or the block
  uint32_t* grey_ = nullptr;
  uint32_t nr_ = 0, nr_framed_ = 0, nr_grey_ = 0, room_ = 0;
  uint64_t tables_from_ = 0, tables_to_ = 0;
  Totals totals_;
};

}  // namespace kmem
