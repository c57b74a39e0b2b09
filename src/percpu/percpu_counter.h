#pragma once
// A number that many add to: each CPU has a part of its own, which goes over into the whole when it has grown.

#include "percpu/copies.h"

namespace kmem {

/// What <linux/percpu_counter.h> shows as struct percpu_counter.
///
/// A part that has grown to `batch` is folded: taken out of its CPU in one step, then added to the count.  Between the
/// two it is in neither; `begun` and `ended` count the folds, and who wants the exact sum looks again while they
/// differ.
struct PercpuCounter {
  Atomic<int64_t> count;
  char* parts;  // a per-CPU variable of 8 bytes
  Atomic<uint32_t> begun, ended;

  void add(Copies& copies, int64_t amount, int64_t batch);
  /// This CPU's part goes over into the count now.
  void fold(Copies& copies);
  /// The count, and all parts; exact if nobody adds meanwhile, else as of some moment during the call.  A fold that
  /// does not end, because its thread is not let run, is waited for only so long.
  int64_t sum(const Copies& copies) const;
  /// Anew; what is added meanwhile counts or does not.
  void set(Copies& copies, int64_t amount);
  /// Less than 0, 0 or more: as the exact sum compares with `value`, by the count alone where that is clear.
  int compare(const Copies& copies, int64_t value, int64_t batch) const;

 private:
  int64_t add_up(const Copies& copies) const;
};

}  // namespace kmem
