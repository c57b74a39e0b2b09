#include "boot/memblock.h"

#include "base/bits.h"
#include "boot/free_walk.h"

namespace kmem {

namespace {
constexpr uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }
constexpr uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
}  // namespace

void Memblock::clear() {
  memory_.clear();
  reserved_.clear();
  current_limit_ = {~uint64_t{0}};
  bottom_up_ = avoid_hotplug_ = false;
}

// ---- memory ----

bool Memblock::add(PhysAddr base, uint64_t bytes, int node, MemFlags flags) {
  return memory_.add(range_of(base, bytes), node, flags);
}

bool Memblock::remove(PhysAddr base, uint64_t bytes) { return memory_.remove(range_of(base, bytes)); }

bool Memblock::mark(PhysAddr base, uint64_t bytes, MemFlags flags) {
  return memory_.mark(range_of(base, bytes), flags, MemFlags::None);
}

bool Memblock::unmark(PhysAddr base, uint64_t bytes, MemFlags flags) {
  return memory_.mark(range_of(base, bytes), MemFlags::None, flags);
}

bool Memblock::set_node(PhysAddr base, uint64_t bytes, int node) { return memory_.set_node(range_of(base, bytes), node); }

void Memblock::trim(uint64_t align) {
  if (is_power_of_two(align)) memory_.trim(align);
}

void Memblock::cap_total(uint64_t bytes) {
  uint64_t left = bytes;
  for (const MemRegion& region : memory()) {
    if (left >= region.range.bytes()) {
      left -= region.range.bytes();
      continue;
    }
    // Nothing lies above the end of the address space, so cutting off the top never needs an entry.
    const MemRange above{region.range.base + left, ~uint64_t{0}};
    (void)memory_.remove(above);
    (void)reserved_.remove(above);
    return;
  }
}

void Memblock::cap_range(PhysAddr base, uint64_t bytes) {
  if (bytes == 0) return;
  const MemRange kept = range_of(base, bytes);
  // Backwards, since a region may be removed. A NoMap region is not trimmed: others depend on it.
  for (size_t i = memory().size; i-- > 0;) {
    const MemRegion region = memory()[i];
    if (any(region.flags & MemFlags::NoMap)) continue;
    // Cutting off an end of a region never splits it, so no entry is needed.
    (void)memory_.remove({max(region.range.base, kept.end), region.range.end});
    (void)memory_.remove({region.range.base, min(region.range.end, kept.base)});
  }
  (void)reserved_.remove({kept.end, ~uint64_t{0}});
  (void)reserved_.remove({0, kept.base});
}

// ---- reserved ----

bool Memblock::reserve(PhysAddr base, uint64_t bytes, int node) {
  return reserved_.add(range_of(base, bytes), node, MemFlags::None);
}

bool Memblock::free(PhysAddr base, uint64_t bytes) { return reserved_.remove(range_of(base, bytes)); }

bool Memblock::has_mirror() const {
  for (const MemRegion& region : memory())
    if (any(region.flags & MemFlags::Mirror)) return true;
  return false;
}

namespace {

/// A block of that size and alignment at the bottom or the top of `room`.
Maybe<MemRange> place(MemRange room, uint64_t bytes, uint64_t align, bool at_bottom) {
  if (room.base >= room.end || room.bytes() < bytes) return {};
  const uint64_t base = at_bottom ? round_up(room.base, align) : round_down(room.end - bytes, align);
  // Rounding may go out of the room on either side, and past the end of the address space.
  if (base < room.base || base > room.end - bytes) return {};
  return MemRange{base, base + bytes};
}

}  // namespace

Maybe<MemRange> Memblock::find(const MemRequest& request, MemRange within, int node, MemFlags with) const {
  WalkFilter filter{.node = node, .without = MemFlags::NoMap, .with = with};
  if (avoid_hotplug_) filter.without = filter.without | MemFlags::Hotplug;
  FreeWalk walk(*this, filter, bottom_up_ ? FreeWalk::Direction::Up : FreeWalk::Direction::Down);
  const uint64_t align = request.align ? request.align : kCacheLine;
  while (const auto free = walk.next()) {
    const MemRange room{max(free->range.base, within.base), min(free->range.end, within.end)};
    if (const auto found = place(room, request.bytes, align, bottom_up_)) return found;
  }
  return {};
}

Maybe<MemRange> Memblock::find_on_nodes(const MemRequest& request, MemRange within, MemFlags with) const {
  const auto found = find(request, within, request.node, with);
  if (found || request.node == kNoNode || request.exact_node) return found;
  return find(request, within, kNoNode, with);
}

Maybe<PhysAddr> Memblock::find(const MemRequest& request) const {
  if (request.bytes == 0 || (request.align && !is_power_of_two(request.align))) return {};
  const MemRange within{max(request.from.value, kPageSize), min(request.below.value, current_limit_.value)};

  Maybe<MemRange> found;
  if (has_mirror()) found = find_on_nodes(request, within, MemFlags::Mirror);
  if (!found) found = find_on_nodes(request, within, MemFlags::None);
  if (!found) return {};
  return PhysAddr{found->base};
}

Maybe<PhysAddr> Memblock::alloc(const MemRequest& request) {
  const auto found = find(request);
  if (!found || !reserved_.add(range_of(*found, request.bytes), kNoNode, MemFlags::None)) return {};
  return found;
}

// ---- queries ----

PhysAddr Memblock::start_of_dram() const { return {memory().size ? memory()[0].range.base : 0}; }

PhysAddr Memblock::end_of_dram() const { return {memory().size ? memory()[memory().size - 1].range.end : 0}; }

bool Memblock::is_map_memory(PhysAddr at) const {
  return is_memory(at) && !any(memory()[memory_.first_after(at.value)].flags & MemFlags::NoMap);
}

int Memblock::node_of(PhysAddr at) const { return is_memory(at) ? memory()[memory_.first_after(at.value)].node : kNoNode; }

namespace {

/// As the kernel's %pa.
void put_address(Text& text, uint64_t address) { text.put("0x").hex_padded(address, 16); }

void dump_regions(Text& text, const char* name, Span<const MemRegion> regions) {
  text.put(' ').put(name).put(".cnt  = 0x").hex(regions.size).put('\n');
  for (size_t i = 0; i < regions.size; ++i) {
    const MemRegion& region = regions[i];
    text.put(' ').put(name).put("[0x").hex(i).put("]\t[");
    put_address(text, region.range.base);
    text.put('-');
    put_address(text, region.range.end - 1);
    text.put("], ");
    put_address(text, region.range.bytes());
    text.put(" bytes");
    if (region.node != kNoNode) text.put(" on node ").dec_signed(region.node);
    text.put(" flags: 0x").hex(static_cast<uint8_t>(region.flags)).put('\n');
  }
}

void put_iomem_line(Text& text, unsigned indent, MemRange range, const char* what) {
  text.fill(' ', indent).hex_padded(range.base, 8).put('-').hex_padded(range.end - 1, 8);
  text.put(" : ").put(what).put('\n');
}

}  // namespace

void Memblock::dump(Text& text) const {
  text.put("MEMBLOCK configuration:\n memory size = ");
  put_address(text, memory_bytes());
  text.put(" reserved size = ");
  put_address(text, reserved_bytes());
  text.put('\n');
  dump_regions(text, "memory", memory());
  dump_regions(text, "reserved", reserved());
}

void Memblock::iomem(Text& text) const {
  for (const MemRegion& region : memory()) {
    const bool mapped = !any(region.flags & MemFlags::NoMap);
    put_iomem_line(text, 0, region.range, mapped ? "System RAM" : "Reserved");
    for (const MemRegion& taken : reserved()) {
      if (!mapped || !taken.range.overlaps(region.range)) continue;
      const uint64_t base = max(taken.range.base, region.range.base);
      put_iomem_line(text, 2, {base, min(taken.range.end, region.range.end)}, "Reserved");
    }
  }
}

Fault Memblock::check() const {
  if (const Fault fault = memory_.check()) return fault;
  if (const Fault fault = reserved_.check()) return fault;
  for (const MemRegion& region : reserved())
    if (any(region.flags))
      return {"B6 reserved regions have no flags", region.range.base, 0, static_cast<uint8_t>(region.flags)};
  return {};
}

}  // namespace kmem
