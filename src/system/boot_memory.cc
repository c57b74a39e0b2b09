#include "system/boot_memory.h"

#include "base/bits.h"
#include "base/format.h"
#include "base/memory.h"
#include "boot/bootmem.h"
#include "boot/free_walk.h"
#include "port/port.h"
#include "system/system.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
namespace {

/// Zones begin and end at multiples of it.
constexpr uint64_t kZoneUnit = kPageSize << kMaxOrder;

constexpr uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }
constexpr uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
using Number = unsigned long long;

bool same(const char* a, const char* b) {
  for (; *a && *a == *b; ++a, ++b) {
  }
  return *a == *b;
}

/// May the page allocator use this memory? Not NoMap memory, which has no address.
bool is_usable(const MemRegion& region) { return !any(region.flags & MemFlags::NoMap); }

}  // namespace

bool BootMemory::is_early() const { return time_ == Time::Early && booting_here(); }

// Early ----------------------------------------------------------------------------------------------------------------

void BootMemory::begin(Machine& machine, const BootOptions& options) {
  memblock_.clear();
  time_ = Time::Before;
  nr_named_ = 0;
  direct_map_ = machine.direct_map;
  host_page_ = machine.host_page_bytes;
  log_ = options.memblock_debug;
  PhysAddr low_end{~uint64_t{0}};
  for (unsigned i = 0; i < machine.nr_ram; ++i) {
    const RamRange& ram = machine.ram[i];
    if (!memblock_.add(ram.start, ram.bytes, ram.node.value)) note("memblock: no room for a range of memory");
    if (ram.high && ram.start.value < low_end.value) low_end = ram.start;
  }
  for (unsigned i = 0; i < machine.nr_gaps; ++i) {
    const RamGap& gap = machine.gaps[i];
    const bool done = gap.reserved ? memblock_.reserve(gap.start, gap.bytes) : memblock_.remove(gap.start, gap.bytes);
    if (!done) note("memblock: no room for a gap in memory");
  }
  memblock_.set_current_limit(low_end);
  time_ = Time::Early;
  for (const ReserveWord& word : options.reserve)
    if (word.name[0] && !add_named(word))
      note("boot word 'reserve=%s': no %llu contiguous bytes are free, ignored", word.name, static_cast<Number>(word.bytes));
  kmem_port_early();
  cut_ends(machine);
}

bool BootMemory::add_named(const ReserveWord& word) {
  const uint64_t align = word.huge ? kBlockBytes : kPageSize;
  if (word.bytes > ~uint64_t{0} - align) return false;
  const uint64_t bytes = round_up(word.bytes, align);
  const auto at = alloc({.bytes = bytes, .align = align, .from = {Bootmem::kDmaEnd}, .below = {word.below}}, Contents::Any);
  const auto any = at ? at : alloc({.bytes = bytes, .align = align, .below = {word.below}}, Contents::Any);
  if (!any) return false;
  NamedMemory& named = named_[nr_named_++];
  memcpy(named.name, word.name, sizeof named.name);
  named.start = *any;
  named.bytes = word.bytes;
  for (uint64_t done = 0; word.huge && done < bytes; done += kBlockBytes) kmem_port_huge(address(*any) + done, kBlockBytes);
  return true;
}

/// The host pages behind a range; those at its ends are shared with neighbours.
bool BootMemory::make_usable(PhysAddr at, uint64_t bytes) const {
  const uint64_t from = round_down(at.value, host_page_), to = round_up(at.value + bytes, host_page_);
  return kmem_port_online(direct_map_ + from, to - from) == Online::Done;
}

/// Clears memory; whole pages by returning them to the host.
void BootMemory::clear(PhysAddr at, uint64_t bytes) const {
  const uint64_t end = at.value + bytes;
  const uint64_t from = round_up(at.value, host_page_), to = round_down(end, host_page_);
  if (from >= to) {
    memset(address(at), 0, bytes);
    return;
  }
  memset(address(at), 0, from - at.value);
  if (!kmem_port_discard(direct_map_ + from, to - from)) memset(direct_map_ + from, 0, to - from);
  memset(direct_map_ + to, 0, end - to);
}

// Handing over ---------------------------------------------------------------------------------------------------------

/// Memory that was removed at the ends of a range never gets a zone.
void BootMemory::cut_ends(Machine& machine) {
  unsigned kept = 0;
  for (unsigned i = 0; i < machine.nr_ram; ++i) {
    RamRange ram = machine.ram[i];
    uint64_t first = ~uint64_t{0}, last = 0;
    const uint64_t end = ram.start.value + ram.bytes;
    for (const MemRegion& region : memblock_.memory()) {
      if (!is_usable(region) || !region.range.overlaps({ram.start.value, end})) continue;
      first = min(first, max(region.range.base, ram.start.value));
      last = max(last, min(region.range.end, end));
    }
    if (first >= last) continue;
    ram.start.value = max(ram.start.value, round_down(first, kZoneUnit));
    ram.bytes = min(end, round_up(last, kZoneUnit)) - ram.start.value;
    machine.ram[kept++] = ram;
  }
  machine.nr_ram = kept;
}

/// Claims the frames from `from` up to `to`, so that the page allocator does not allocate them.
bool BootMemory::claim(uint64_t from, uint64_t to) {
  for (uint64_t pfn = from; pfn < to;) {
    Zone* zone = pages_->zone_of({pfn});
    if (!zone) {
      ++pfn;
      continue;
    }
    const uint64_t end = min(to, zone->first().value + zone->nr_frames());
    // Frame 0 is never allocated.
    const uint64_t start = pfn ? pfn : 1;
    if (start < end && !zone->online_reserved({start}, end - start)) return false;
    for (uint64_t i = start; i < end; ++i) pages_->page_at({i})->head.store(Page::pack(PageKind::Boot, zone->index(), {}, 1));
    pfn = end;
  }
  return true;
}

bool BootMemory::claim_holes(Zone& zone) {
  uint64_t at = zone.first().value;
  const uint64_t end = at + zone.nr_frames();
  for (const MemRegion& region : memblock_.memory()) {
    const auto frames = is_usable(region) ? whole_frames(region) : Maybe<PfnRange>{};
    if (!frames || frames->end.value <= at || frames->first.value >= end) continue;
    if (frames->first.value > at && !claim(at, frames->first.value)) return false;
    at = frames->end.value;
  }
  return at >= end || claim(at, end);
}

/// Reservations may share a frame, and may lie outside of memory.
bool BootMemory::claim_reserved() {
  uint64_t done = 0;
  for (const MemRegion& region : memblock_.reserved()) {
    const uint64_t from = max(region.range.base >> kPageShift, done), to = (region.range.end + kPageSize - 1) >> kPageShift;
    for (const MemRegion& memory : memblock_.memory()) {
      const auto frames = is_usable(memory) ? whole_frames(memory) : Maybe<PfnRange>{};
      if (!frames) continue;
      const uint64_t first = max(from, frames->first.value), end = min(to, frames->end.value);
      if (first < end && !claim(first, end)) return false;
    }
    done = max(done, to);
  }
  return true;
}

bool BootMemory::hand_over(PageAllocator& pages) {
  pages_ = &pages;
  for (unsigned i = 0; i < pages.nr_zones(); ++i)
    if (!claim_holes(pages.zone(i))) return false;
  if (!claim_reserved()) return false;
  time_ = Time::Late;
  if (!log_) return true;
  Report report("");
  memblock_.dump(report.text());
  return true;
}

// Taking and giving back -----------------------------------------------------------------------------------------------

Maybe<PhysAddr> BootMemory::alloc(const MemRequest& request, Contents contents) {
  if (!request.bytes || (request.align & (request.align - 1))) return {};
  if (time_ != Time::Early) {
    const auto at = should_fail(FaultPoint::Boot, kNoGfp, request.bytes) ? Maybe<PhysAddr>{} : borrow(request);
    if (at && contents == Contents::Zero) clear(*at, round_up(request.bytes, kPageSize));
    return at;
  }
  const auto at = memblock_.alloc(request);
  if (!at) return {};
  if (!make_usable(*at, request.bytes)) {
    (void)memblock_.free(*at, request.bytes);
    return {};
  }
  if (log_)
    note("memblock: [%#018llx-%#018llx] taken", static_cast<Number>(at->value),
         static_cast<Number>(at->value + request.bytes - 1));
  return at;  // never used before, so it is zero
}

void BootMemory::free(PhysAddr at, uint64_t bytes) {
  if (!bytes) return;
  if (time_ != Time::Early) {
    give_back({(at.value + kPageSize - 1) >> kPageShift}, {(at.value + bytes) >> kPageShift});
    (void)memblock_.free(at, bytes);
    return;
  }
  const bool is_taken = [&] {
    for (const MemRegion& region : memblock_.reserved())
      if (region.range.base <= at.value && at.value + bytes <= region.range.end) return true;
    return false;
  }();
  if (!is_taken)
    return bug_report(Trouble::Bug, "free of boot memory: [%#llx-%#llx] was not taken", static_cast<Number>(at.value),
                      static_cast<Number>(at.value + bytes - 1));
  if (memblock_.is_region_memory(at, bytes) && make_usable(at, bytes)) clear(at, bytes);
  (void)memblock_.free(at, bytes);
}

bool BootMemory::reserve(PhysAddr at, uint64_t bytes) {
  if (time_ == Time::Early) return memblock_.reserve(at, bytes);
  const uint64_t from = at.value >> kPageShift, to = (at.value + bytes + kPageSize - 1) >> kPageShift;
  if (!bytes || !memblock_.is_region_memory(at, bytes) || memblock_.overlaps_reserved(at, bytes)) return false;
  return claim(from, to) && memblock_.reserve(at, bytes);
}

/// The highest frames of the zone within the request's bounds that are free in a row, or the lowest.
Maybe<PhysAddr> BootMemory::borrow_from(Zone& zone, const MemRequest& request) {
  const uint64_t align = max(request.align >> kPageShift, 1);
  const uint64_t frames = (request.bytes >> kPageShift) + ((request.bytes & (kPageSize - 1)) != 0);
  const uint64_t low = max(zone.first().value, max((request.from.value + kPageSize - 1) >> kPageShift, 1));
  const uint64_t high = min(zone.first().value + zone.nr_frames(), request.below.value >> kPageShift);
  if (low >= high || high - low < frames) return {};
  // A small request tries each position, a larger one each block.
  const uint64_t stride = frames < kBlockFrames ? align : max(align, kBlockFrames);
  const bool up = memblock_.bottom_up();
  const uint64_t lowest = round_up(low, align), highest = round_down(high - frames, align);
  // Boot memory must not take the zone's reserve below the low mark.
  if (lowest > highest || zone.nr_available() < zone.marks().low + frames) return {};
  for (uint64_t gone = 0; gone <= highest - lowest; gone += stride) {
    const uint64_t at = up ? lowest + gone : highest - gone;
    if (zone.online_reserved({at}, frames)) {
      for (uint64_t i = 0; i < frames; ++i)
        pages_->page_at({at + i})->head.store(Page::pack(PageKind::Boot, zone.index(), {}, 1));
      (void)memblock_.reserve({at << kPageShift}, request.bytes);
      return PhysAddr{at << kPageShift};
    }
  }
  return {};
}

/// High zones first: devices need the low ones later, and boot memory is rarely freed. Never high memory, which has no
/// permanent address.
Maybe<PhysAddr> BootMemory::borrow(const MemRequest& request) {
  const bool node_first = request.node != kNoNode;
  for (int round = node_first ? 0 : 1; round < (request.exact_node ? 1 : 2); ++round) {
    for (int kind = static_cast<int>(ZoneKind::Normal); kind >= 0; --kind) {
      for (unsigned i = 0; i < pages_->nr_zones(); ++i) {
        Zone& zone = pages_->zone(i);
        if (static_cast<int>(zone.kind()) != kind || (round == 0 && zone.node().value != request.node)) continue;
        if (const auto at = borrow_from(zone, request)) return at;
      }
    }
  }
  return {};
}

/// The frames were never counted as dirty or clean, so they are treated as dirty.
void BootMemory::give_back(Pfn first, Pfn end) {
  for (Pfn pfn = first; pfn < end; pfn = pfn + 1) {
    Zone* zone = pages_->zone_of(pfn);
    if (!zone || !zone->is_online(pfn) || pages_->page_at(pfn)->kind() != PageKind::Boot)
      return bug_report(Trouble::Bug, "free of boot memory: pfn %#llx was not taken at boot", static_cast<Number>(pfn.value));
    pages_->page_at(pfn)->head.store(Page::pack(PageKind::None, zone->index(), {}, 0));
    pages_->wipe(pfn, 1);
    zone->give_back_run(pfn, 1);
  }
}

const NamedMemory* BootMemory::find(const char* name) const {
  for (unsigned i = 0; i < nr_named_; ++i)
    if (same(named_[i].name, name)) return &named_[i];
  return nullptr;
}

}  // namespace kmem
