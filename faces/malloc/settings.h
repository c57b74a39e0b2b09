#pragma once
// The settings of mallopt(): for the whole process, set by any thread, effective from the next call on.

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/attributes.h"

class MallocSettings {
 public:
  /// As mallopt(): 1 if the setting was made; 0 for an unknown parameter or an invalid value.
  int set(int parameter, int value);

  /// M_PERTURB: new blocks are filled with the complement of a byte, and freed ones with the byte. Then the fast paths are
  /// closed, so that every call checks this.
  bool perturbs() const { return perturb_.peek() != 0; }
  void fill_new(void* p, size_t size) const;
  /// Does any setting apply to frees on the slow path?
  bool see_frees() const { return perturb_.peek() | returned_from_.peek(); }
  /// Fills the block if M_PERTURB is set; returns the bytes for give_back() after the free.
  size_t note_free(void* p) const;
  /// Gives so many more bytes back to the host now.
  static void give_back(size_t bytes);

 private:
  bool set_perturb(int value);
  bool bound_keep();

  kmem::Atomic<uint32_t> perturb_{0};        // the value; 0: off
  kmem::Atomic<uint64_t> returned_from_{0};  // M_MMAP_THRESHOLD in bytes and one more; 0: not set
  kmem::Atomic<uint64_t> top_pad_{0};        // bytes
  kmem::Atomic<int64_t> trim_threshold_{kNotSet};
  static constexpr int64_t kNotSet = INT64_MIN;
};

extern MallocSettings malloc_settings;
