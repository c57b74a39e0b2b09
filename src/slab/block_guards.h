#pragma once
// The guards of a large block: inaccessible pages, and a pattern between them and the block.

#include "base/types.h"

namespace kmem {

/// For all guarded blocks, which end at a page if their alignment allows it.
class BlockGuards {
 public:
  /// From the first byte of the guard page before the block to the end of the one after it.
  struct Range {
    char* from = nullptr;
    size_t bytes = 0;
  };
  static Range range_of(const void* p, size_t size);

  /// Sets the key of the pattern; 0: the kernel's pattern.
  void set_key(uint64_t key) { key_ = key; }
  void fill(char* from, char* to) const;
  /// Checks the bytes between a block and its guard pages; reports and repairs damage. False: there was damage.
  bool check(char* p, size_t size) const;

 private:
  bool check_bytes(char* p, size_t size, char* from, char* to) const;

  uint64_t key_ = 0;
};

}  // namespace kmem
