#pragma once
// How many frames of a zone are free, dirty, online, and promised elsewhere.

#include "base/atomic.h"
#include "base/attributes.h"
#include "base/types.h"

namespace kmem {

/// Counts of one zone.  Each claim of frames, and each return, is counted here too.  A count may be ahead of the frames for a
/// moment; on a quiet system all are exact, except the peaks, which are estimates.  Lock-free, any context.
class FrameCounts {
 public:
  void init(uint64_t nr_frames) { nr_frames_ = nr_frames; }

  /// Frames came online, and so many of them are free.
  void add_online(uint64_t nr, uint64_t nr_free) {
    // The free count first: a concurrent reader's sum is too large rather than too small.
    free_.fetch_add(static_cast<int64_t>(nr_free));
    online_.fetch_add(nr);
  }
  /// Frames that never come online, because another mapping has their addresses.
  void add_absent(uint64_t nr) { absent_.fetch_add(nr); }
  void note_claimed(uint64_t nr, uint64_t clean) {
    free_.fetch_sub(static_cast<int64_t>(nr));
    if (nr != clean) dirty_.fetch_sub(static_cast<int64_t>(nr - clean));
  }
  void note_given(uint64_t nr, uint64_t clean) {
    free_.fetch_add(static_cast<int64_t>(nr));
    if (nr != clean) dirty_.fetch_add(static_cast<int64_t>(nr - clean));
  }
  /// Counts frames of a large block, of which the program may touch few; negative when it is freed.
  void add_sparse(int64_t nr) { sparse_.fetch_add(nr); }
  /// Free frames that were clean are dirty now.
  void add_dirty(uint64_t nr) { dirty_.fetch_add(static_cast<int64_t>(nr)); }
  /// After a claim for a caller.
  void note_peak() {
    const uint64_t in_use = nr_in_use();
    if (KMEM_UNLIKELY(in_use > most_in_use_.peek())) most_in_use_.poke(in_use);
    if (KMEM_UNLIKELY(in_use > recent_peak_.peek())) recent_peak_.poke(in_use);
  }

  uint64_t nr_free() const { return positive(free_.peek()); }
  uint64_t nr_dirty() const { return positive(dirty_.peek()); }  // of the free ones
  uint64_t nr_online() const { return online_.peek(); }
  uint64_t nr_in_use() const { return nr_online() > nr_free() ? nr_online() - nr_free() : 0; }
  /// The frames in dense use: slabs and single pages.
  uint64_t nr_dense() const { return less(nr_in_use(), positive(sparse_.peek())); }
  uint64_t most_in_use() const { return most_in_use_.peek(); }
  // For the walker; false for a count that went below zero.
  bool has_free(uint64_t nr) const { return free_.peek() == static_cast<int64_t>(nr); }
  bool has_dirty(uint64_t nr) const { return dirty_.peek() == static_cast<int64_t>(nr); }

  /// Frames that must stay free because memory outside the frames is charged to them.
  void charge(uint64_t nr) { charged_.fetch_add(nr); }
  /// Uncharges up to nr frames; returns how many.
  uint64_t uncharge(uint64_t nr);
  uint64_t nr_charged() const { return charged_.peek(); }
  /// Frames that are free but unavailable, because other processes hold the memory for them (page/shared_bound.h).
  void set_others(uint64_t nr) { others_.store(nr); }
  uint64_t nr_others() const { return others_.peek(); }
  /// Is any memory charged to this zone, or held by other processes?
  bool owes() const { return charged_.peek() | others_.peek(); }

  /// Free frames, offline sections included, without those that are charged or held by other processes. Watermarks are compared
  /// with this number.
  uint64_t nr_available() const { return less(nr_available_with_others(), others_.peek()); }
  /// The same, including those held by other processes.
  uint64_t nr_available_with_others() const {
    return less(nr_free() + nr_frames_ - nr_online() - absent_.peek(), charged_.peek());
  }

  /// Has use fallen to a quarter of its recent peak? True once for each such fall, for peaks from 8 MiB on. The caches above
  /// then hold too much.
  bool use_fell();

 private:
  friend class ZoneTestPeer;
  static constexpr uint64_t kFallFrom = (uint64_t{8} << 20) >> kPageShift;
  static uint64_t positive(int64_t n) { return n < 0 ? 0 : static_cast<uint64_t>(n); }
  static uint64_t less(uint64_t n, uint64_t by) { return n > by ? n - by : 0; }

  uint64_t nr_frames_ = 0;
  Atomic<uint64_t> online_{0}, absent_{0};
  Atomic<uint64_t> charged_{0}, others_{0};
  alignas(kCacheLine) Atomic<int64_t> free_{0};
  Atomic<int64_t> dirty_{0};
  Atomic<int64_t> sparse_{0};
  Atomic<uint64_t> most_in_use_{0};
  Atomic<uint64_t> recent_peak_{0};  // since use_fell() last returned true
};

inline uint64_t FrameCounts::uncharge(uint64_t nr) {
  uint64_t seen = charged_.load(), off;
  do off = seen < nr ? seen : nr;
  while (off && !charged_.compare_exchange(seen, seen - off));
  return off;
}

inline bool FrameCounts::use_fell() {
  const uint64_t in_use = nr_in_use(), peak = recent_peak_.peek();
  if (KMEM_LIKELY(in_use * 4 > peak || peak < kFallFrom)) return false;
  recent_peak_.poke(in_use);
  return true;
}

}  // namespace kmem
