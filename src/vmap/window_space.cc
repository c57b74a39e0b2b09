#include "vmap/window_space.h"

#include "vmap/window_table.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20, kGiB = uint64_t{1} << 30;
/// Where addresses have 32 bits, the window is at most an eighth of them.
constexpr bool kWide = sizeof(void*) == 8;
constexpr uint64_t kMost = kWide ? uint64_t{8} << 40 : 512 * kMiB, kLeast = 16 * kMiB;
constexpr uint64_t kUnit = 2 * kMiB;  // sizes and steps are multiples of it
constexpr uint64_t kLeastStep = 8 * kMiB;
constexpr uint64_t kDescriptorStep = uint64_t{256} << 10;

constexpr uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }
constexpr uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }

}  // namespace

void WindowSpace::init(uint64_t bytes, uint64_t physical_bytes) {
  uint64_t generous = kWide ? 64 * kGiB : kMost;
  while (generous < 4 * physical_bytes && generous < kMost) generous *= 2;
  wish_bytes_ = bytes ? round_up(min(bytes, kMost), kUnit) : generous;
}

// One range for the window, its table and the descriptors, so that the port has to find only one place.
bool WindowSpace::choose(uint64_t bytes, WindowTable& table) {
  const uint64_t pages = bytes >> kPageShift, table_bytes = WindowTable::bytes_for(pages);
  const uint64_t area_bytes = round_up(min(pages / 2 + 8, kMaxAreas) * sizeof(VmArea), kDescriptorStep);
  auto* at = static_cast<char*>(kmem_port_window_choose(bytes + table_bytes + area_bytes, kUnit));
  if (!at) return false;
  addresses_ = {at, bytes};
  table.init(at + bytes, table_bytes);
  descriptors_ = {at + bytes + table_bytes, area_bytes};
  map_.init(areas(), static_cast<uint32_t>(area_bytes / sizeof(VmArea)), reinterpret_cast<uintptr_t>(at) >> kPageShift);
  return true;
}

// A port may have to reserve all of it, and a limit may forbid that: then tries half, and half of that.
bool WindowSpace::choose(WindowTable& table) {
  for (uint64_t bytes = wish_bytes_; !start() && !failed_; bytes = round_down(bytes / 2, kUnit))
    failed_ = !choose(bytes, table) && bytes / 2 < kLeast;
  return start();
}

bool WindowSpace::grow_descriptors() {
  if (map_.spare() >= 4) return true;
  if (map_.ready() >= map_.capacity()) return map_.spare() != 0;
  if (should_fail(FaultPoint::Map, kNoGfp, kDescriptorStep) || !descriptors_.open(descriptors_.opened() + kDescriptorStep))
    return map_.spare() != 0;
  map_.set_ready(map_.ready() + kDescriptorStep / sizeof(VmArea));
  return true;
}

/// Reserves at least `pages` more pages at the end.
bool WindowSpace::grow(uint64_t pages) {
  const uint64_t old = addresses_.reserved(), left = addresses_.bytes() - old;
  const uint64_t least = round_up(pages << kPageShift, kUnit);
  if (!left || least > left || !grow_descriptors() || !map_.spare()) return false;
  const uint64_t step = min(left, max(least, max(kLeastStep, round_up(old / 8, kUnit))));
  if (should_fail(FaultPoint::Map, kNoGfp, step)) return false;
  // Near a limit there may only be room for the least step.
  if (!addresses_.reserve(old + step) && (step == least || !addresses_.reserve(old + least))) return false;
  return map_.grow(static_cast<uint32_t>((addresses_.reserved() - old) >> kPageShift));
}

uint32_t WindowSpace::take(uint32_t span, uint32_t align) {
  if (!grow_descriptors()) return 0;
  if (const uint32_t index = map_.take(span, align)) return index;
  const uint64_t wanted = uint64_t{span} + align - 1, at_end = map_.free_at_end();
  if (span > at_end + pages_to_come()) return 0;
  const uint64_t more = wanted > at_end ? wanted - at_end : 1;
  return grow(min(more, pages_to_come())) ? map_.take(span, align) : 0;
}

bool WindowSpace::extend(uint32_t index, uint32_t more) {
  if (!grow_descriptors()) return false;
  if (map_.extend(index, more)) return true;
  const uint64_t at_end = map_.free_at_end();
  return map_.ends_before_end(index) && more > at_end && grow(more - at_end) && map_.extend(index, more);
}

uint64_t WindowSpace::largest_free_pages() const { return max(map_.largest_free(), map_.free_at_end() + pages_to_come()); }

}  // namespace kmem
