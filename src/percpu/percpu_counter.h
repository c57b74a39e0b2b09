#pragma once
// A counter with a part for each CPU, which is added to the common count when it has grown.

#include "percpu/copies.h"

namespace kmem {

/// The struct percpu_counter of <linux/percpu_counter.h>.
///
/// A part that has grown to `batch` is folded: taken out of its CPU in one step, then added to the count.  Between the two it
/// is in neither; `begun` and `ended` count the folds, and a caller that needs the exact sum retries while they differ.
struct PercpuCounter {
  Atomic<int64_t> count;
  char* parts;  // a per-CPU variable of 8 bytes
  Atomic<uint32_t> begun, ended;

  void add(Copies& copies, int64_t amount, int64_t batch);
  /// Adds this CPU's part to the count now.
  void fold(Copies& copies);
  /// The count plus all parts; exact if no thread adds meanwhile, else as of some moment during the call. Waits only a limited
  /// time for a fold whose thread does not run.
  int64_t sum(const Copies& copies) const;
  /// Sets the value; a concurrent addition may be lost.
  void set(Copies& copies, int64_t amount);
  /// Compares the sum with `value`: less than 0, 0, or greater. Reads the parts only if the count alone does not decide.
  int compare(const Copies& copies, int64_t value, int64_t batch) const;

 private:
  int64_t add_up(const Copies& copies) const;
};

}  // namespace kmem
