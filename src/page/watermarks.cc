#include "page/watermarks.h"

namespace kmem {
namespace {

constexpr uint64_t kLeastKbytes = 128, kMostKbytes = 256 << 10;
constexpr uint64_t kReserveRatio[kZoneKinds] = {256, 256, 32, 0};
constexpr uint64_t kKbytesOfPage = kPageSize / 1024;

uint64_t square_root(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit; bit >>= 1)
    if ((root | bit) * (root | bit) <= x) root |= bit;
  return root;
}

}  // namespace

uint64_t default_min_free_kbytes(uint64_t nr_frames) {
  const uint64_t root = square_root(nr_frames * kKbytesOfPage * 16);
  if (root < kLeastKbytes) return kLeastKbytes;
  return root < kMostKbytes ? root : kMostKbytes;
}

Watermarks watermarks_of(Span<const ZoneSize> zones, unsigned i, uint64_t min_free_kbytes) {
  Watermarks marks;
  uint64_t total = 0;
  for (const ZoneSize& zone : zones) total += zone.nr_frames;
  if (!total) return marks;
  const ZoneSize& own = zones[i];
  const uint64_t pages_min = (min_free_kbytes ? min_free_kbytes : default_min_free_kbytes(total)) / kKbytesOfPage;
  marks.min = pages_min * own.nr_frames / total;
  const uint64_t quarter = marks.min / 4, scaled = own.nr_frames * 10 / 10000;
  const uint64_t step = quarter > scaled ? quarter : scaled;
  marks.low = marks.min + step;
  marks.high = marks.low + step;
  const uint64_t ratio = kReserveRatio[static_cast<unsigned>(own.kind)];
  uint64_t above = 0;
  for (unsigned kind = static_cast<unsigned>(own.kind) + 1; ratio && kind < kZoneKinds; ++kind) {
    for (const ZoneSize& zone : zones)
      if (static_cast<unsigned>(zone.kind) == kind && zone.node == own.node) above += zone.nr_frames;
    marks.lowmem_reserve[kind] = above / ratio;
  }
  return marks;
}

}  // namespace kmem
