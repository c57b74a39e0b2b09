#pragma once
// How many pages of freed areas stay mapped: arithmetic only.

#include "base/atomic.h"
#include "base/types.h"

namespace kmem {

/// Remembers large areas that were purged and soon requested again, so that they are kept the next time. Estimates: updates may
/// be lost; any context.
class PurgedSizes {
 public:
  /// The time that counts as soon.
  static constexpr uint64_t kSoonNs = 2'000'000'000;

  /// An area of so many pages was purged.
  void note_purged(uint64_t pages, uint64_t now_ns) {
    purged_pages_.poke(pages);
    purged_ns_.poke(now_ns);
  }
  /// An area of so many pages was requested and had to be made.
  void note_missed(uint64_t pages, uint64_t now_ns) {
    if (now_ns >= wanted_until_.peek()) wanted_pages_.poke(0);
    if (purged_pages_.peek() != pages || now_ns - purged_ns_.peek() > kSoonNs) return;
    if (pages > wanted_pages_.peek()) wanted_pages_.poke(pages);
    note_used(now_ns);
  }
  /// A kept area was reused.
  void note_used(uint64_t now_ns) { wanted_until_.poke(now_ns + kSoonNs); }

  /// The largest size that was recently requested again.
  bool any() const { return wanted_pages_.peek() != 0; }
  uint64_t wanted(uint64_t now_ns) const { return now_ns < wanted_until_.peek() ? wanted_pages_.peek() : 0; }

 private:
  Atomic<uint64_t> purged_pages_{0}, purged_ns_{0};
  Atomic<uint64_t> wanted_pages_{0}, wanted_until_{0};
};

namespace lazy {

/// Areas of up to 8 MiB in all are kept, however little is in use.
inline constexpr uint64_t kFloor = (uint64_t{8} << 20) >> kPageShift;

/// On machines of many CPUs at least 512 KiB for each.
constexpr uint64_t floor(uint32_t nr_cpus) { return nr_cpus > 16 ? kFloor / 16 * nr_cpus : kFloor; }

/// The most pages of lazy areas: a quarter of the frames in use, at least the floor, plus a size that was requested again.
constexpr uint64_t limit(uint64_t frames, uint64_t lazy_pages, uint64_t wanted, uint64_t floor = kFloor) {
  const uint64_t share = (frames > lazy_pages ? frames - lazy_pages : 0) / 4;
  const uint64_t keep = share > floor ? share : floor;
  return wanted > keep ? wanted : keep;
}

/// Above the limit areas are purged until so many pages are left.
constexpr uint64_t target(uint64_t limit) { return limit - limit / 8; }

}  // namespace lazy
}  // namespace kmem
