#include "slab/leak_scan.h"

#include "base/bits.h"
#include "base/memory.h"
#include "port/port.h"

namespace kmem {

namespace {

/// Memory comes online in whole blocks: skips a block that is not online.
bool skips_block(PageAllocator& pages, Pfn& pfn) {
  if (pfn.value % kBlockFrames || pages.is_online(pfn)) return false;
  pfn = pfn + kBlockFrames;
  return true;
}

/// A word of memory may be an address, or two of 32 bits.
template <typename Visit>
void each_address(uint64_t word, Visit visit) {
  if (sizeof(void*) == 8) return visit(word);
  visit(static_cast<uint32_t>(word));
  visit(word >> 32);
}

}  // namespace

// The program's marks -----------------------------------------------------------------------------------------------

bool LeakMarks::add(LeakMark::Kind kind, const void* block, uint64_t born, const void* from, size_t bytes) {
  uint32_t i = 0;
  for (;; ++i) {
    if (i == kMost) return false;
    uint64_t none = 0;
    if (marks_[i].key.load() == 0 && marks_[i].key.compare_exchange(none, kMaking)) break;
  }
  marks_[i].kind = kind;
  marks_[i].born = born;
  marks_[i].area = ~reinterpret_cast<uint64_t>(from);
  marks_[i].bytes = bytes;
  marks_[i].key.store(~reinterpret_cast<uint64_t>(block));
  for (uint32_t nr = nr_.load(); nr <= i && !nr_.compare_exchange(nr, i + 1);) {
  }
  return true;
}

void LeakMarks::remove(const void* block) {
  const uint64_t key = ~reinterpret_cast<uint64_t>(block);
  for (uint32_t i = 0, nr = nr_.load(); i < nr; ++i) {
    uint64_t seen = key;
    marks_[i].key.compare_exchange(seen, 0);
  }
}

// The table of blocks -----------------------------------------------------------------------------------------------------

void LeakScan::add(uint64_t address, uint64_t bytes, uint32_t cache_id, Colour colour) {
  blocks_[++nr_] = {address, bytes, cache_id, colour, false};
}

uint64_t LeakScan::add_slab(Pfn pfn, Pass pass) {
  const uint8_t c = world_.frame_class[pfn.value];
  Page* page = world_.pages->page_at(pfn);
  Cache& cache = heap_.cache(c != kSharedClass ? c : Slab::of(page).cache_id());
  const SlabShape& shape = cache.slabs().shape();
  if (pass == Pass::Count) {
    nr_ += shape.nr_objects;
    return shape.order.pages();
  }
  for (uint64_t i = 0; i < shape.order.pages(); ++i) first_[pfn.value + i] = nr_ + 1;
  const Slab& slab = Slab::of(page);
  const bool untold = cache.setup().flags & cache_flag::kNoLeakTrace;
  for (uint32_t i = 0; i < shape.nr_objects; ++i) {
    const char* object = cache.slabs().frames().object_at(&slab, i);
    add(reinterpret_cast<uint64_t>(object), cache.object_size(), cache.id(),
        untold || slab.is_free(i) || !cache.checked().debug().is_out(object) ? Free : White);
  }
  return shape.order.pages();
}

// Counts the blocks that lie in frames, or stores them: slabs' objects, runs, guarded objects.
void LeakScan::each_frame_block(Pass pass) {
  PageAllocator& pages = *world_.pages;
  for (Pfn pfn{0}; pfn.value < pages.frames_end();) {
    if (skips_block(pages, pfn)) continue;
    if (world_.frame_class[pfn.value]) {
      pfn = pfn + add_slab(pfn, pass);
      continue;
    }
    const uint64_t nr = pages.zone_of(pfn)->frames().is_free(pfn) ? 0 : heap_.runs().at(pages.address(pfn)).pages;
    if (nr && pass == Pass::Store) {
      for (uint64_t i = 0; i < nr; ++i) first_[pfn.value + i] = nr_ + 1;
      add(reinterpret_cast<uint64_t>(pages.address(pfn)), nr << kPageShift, 0, White);
    } else if (nr) {
      ++nr_;
    }
    pfn = pfn + (nr ? nr : 1);
  }
  if (!world_.guarded) return;
  world_.guarded->each([&](const char* object, size_t bytes, const Cache& cache) {
    if (pass == Pass::Count) {
      ++nr_;
      return;
    }
    first_[pages.pfn_of_address(object).value] = nr_ + 1;
    add(reinterpret_cast<uint64_t>(object), bytes, cache.id(), White);
  });
}

// Adds mapped blocks and blocks that the program has registered; by insertion sort, since they are few or already in order.
void LeakScan::add_outside() {
  const auto insert = [this](uint64_t address, uint64_t bytes, Colour colour) {
    if (nr_ + 1 >= room_) return;
    uint32_t at = ++nr_;
    for (; at > nr_framed_ + 1 && blocks_[at - 1].address > address; --at) blocks_[at] = blocks_[at - 1];
    blocks_[at] = {address, bytes, 0, colour, false};
  };
  heap_.mapped().each([&](uint64_t address, uint64_t bytes) { insert(address, bytes, White); });
  marks_.each([&](const LeakMark& mark) {
    if (mark.kind == LeakMark::Foreign) insert(mark.block(), mark.bytes, White);
  });
}

bool LeakScan::make_tables() {
  each_frame_block(Pass::Count);
  const uint64_t nr_frames = world_.pages->frames_end();
  room_ = nr_ + static_cast<uint32_t>(heap_.mapped().nr()) + LeakMarks::kMost + 64;
  nr_ = 0;
  const uint64_t bytes =
      round_up((room_ + 1) * (sizeof(Block) + sizeof *grey_) + nr_frames * sizeof *first_, kPageSize) + kPageSize;
  char* at = static_cast<char*>(kmem_port_map(bytes, kPageSize));
  if (!at) return false;
  tables_from_ = reinterpret_cast<uint64_t>(at);
  tables_to_ = tables_from_ + bytes;
  blocks_ = reinterpret_cast<Block*>(at);
  first_ = reinterpret_cast<uint32_t*>(blocks_ + room_ + 1);
  grey_ = first_ + nr_frames;
  each_frame_block(Pass::Store);
  nr_framed_ = nr_;
  add_outside();
  return true;
}

/// Removes the objects in sheaves, barns and the quarantine: they are out of their slabs, but the program does not hold them.
void LeakScan::free_cached() {
  const auto set_free = [this](const void* object) {
    if (const uint32_t i = find(reinterpret_cast<uint64_t>(object))) blocks_[i].colour = Free;
  };
  for (uint32_t id = 1; id <= heap_.nr_caches(); ++id)
    if (heap_.cache(id).live()) heap_.cache(id).sheaves().each_object(set_free);
}

void LeakScan::apply_marks() {
  marks_.each([this](const LeakMark& mark) {
    const uint32_t i = find(mark.block());
    if (!i || blocks_[i].colour == Free || mark.kind == LeakMark::Foreign) return;
    Block& block = blocks_[i];
    if (mark.born && block.cache_id &&
        heap_.cache(block.cache_id).checked().born(reinterpret_cast<void*>(block.address)) != mark.born)
      return;
    if (mark.kind == LeakMark::NotLeak) reach(block.address);
    if (mark.kind == LeakMark::Ignore) block.colour = Ignored;
    if (mark.kind == LeakMark::NoScan) block.scans_areas = true;
    if (mark.kind == LeakMark::ScanArea) block.scans_areas = true;
  });
}

// Words that may be addresses -----------------------------------------------------------------------------------------------

uint32_t LeakScan::find_outside(uint64_t word) const {
  uint32_t from = nr_framed_ + 1, to = nr_ + 1;
  while (from < to) {
    const uint32_t middle = from + (to - from) / 2;
    if (blocks_[middle].address + blocks_[middle].bytes <= word) from = middle + 1;
    else to = middle;
  }
  return from <= nr_ && word >= blocks_[from].address ? from : 0;
}

/// The block that the address lies in; 0 for none.
uint32_t LeakScan::find(uint64_t word) const {
  const uint64_t pfn = world_.pages->pfn_of_address(reinterpret_cast<const void*>(word)).value;
  if (pfn >= world_.pages->frames_end()) return nr_ > nr_framed_ ? find_outside(word) : 0;
  uint32_t i = first_[pfn];
  if (!i) return 0;
  if (const Block& block = blocks_[i]; block.cache_id && world_.frame_class[pfn]) {
    const SlabShape& shape = heap_.cache(block.cache_id).slabs().shape();
    if (word < block.address) return 0;
    const uint64_t index = (word - block.address) / shape.size;
    if (index >= shape.nr_objects) return 0;
    i += static_cast<uint32_t>(index);
  }
  return word - blocks_[i].address < blocks_[i].bytes ? i : 0;
}

bool LeakScan::blocks_outside_from(uint64_t from, uint64_t to) const {
  for (uint32_t i = nr_framed_ + 1; i <= nr_ && blocks_[i].address < to; ++i)
    if (blocks_[i].address + blocks_[i].bytes > from) return true;
  return false;
}

void LeakScan::reach(uint64_t word) {
  const uint32_t i = find(word);
  if (!i || blocks_[i].colour != White) return;
  blocks_[i].colour = Grey;
  grey_[nr_grey_++] = i;
}

void LeakScan::scan(const uint64_t* words, size_t n) {
  for (size_t i = 0; i < n; ++i) each_address(words[i], [&](uint64_t address) { reach(address); });
}

/// For memory that may be unmapped, such as the home of frames that are mapped elsewhere.
void LeakScan::scan_pages(const char* at, uint64_t bytes) {
  uint64_t words[512];
  for (uint64_t done = 0; done < bytes; done += sizeof words) {
    const size_t want = bytes - done < sizeof words ? bytes - done : sizeof words;
    scan(words, kmem_port_read(at + done, words, want) / sizeof *words);
  }
}

/// Pages of alloc_pages() and boot memory: their contents are unknown, so all of it is searched.
void LeakScan::scan_frames() {
  PageAllocator& pages = *world_.pages;
  for (Pfn pfn{0}; pfn.value < pages.frames_end();) {
    if (skips_block(pages, pfn)) continue;
    const Page* page = pages.page_at(pfn);
    const bool plain = !world_.frame_class[pfn.value] && !first_[pfn.value];
    const bool given = plain && (page->kind() == PageKind::Block || page->kind() == PageKind::Boot) &&
                       !pages.zone_of(pfn)->frames().is_free(pfn);
    const uint64_t nr = given && page->kind() == PageKind::Block ? page->order().pages() : 1;
    if (given) scan_pages(pages.address(pfn), nr << kPageShift);
    pfn = pfn + nr;
  }
}

void LeakScan::scan_block(const Block& block) {
  if (!block.scans_areas) return scan_pages(reinterpret_cast<const char*>(block.address), block.bytes & ~uint64_t{7});
  marks_.each([&](const LeakMark& mark) {
    if (mark.kind == LeakMark::ScanArea && mark.block() == block.address)
      scan_pages(reinterpret_cast<const char*>(round_up(mark.area_from(), 8)), mark.bytes);
  });
}

void LeakScan::scan_grey() {
  while (nr_grey_) scan_block(blocks_[grey_[--nr_grey_]]);
}

void LeakScan::visit_root(void* self, const char* at, const uint64_t* words, size_t n) {
  auto& scan = *static_cast<LeakScan*>(self);
  const auto address = reinterpret_cast<uint64_t>(at);
  if (address >= scan.tables_from_ && address < scan.tables_to_) return;
  if (scan.world_.guarded && scan.world_.guarded->is_account(at)) return;
  if (!scan.blocks_outside_from(address, address + n * sizeof *words)) return scan.scan(words, n);
  // A block's contents are scanned when the block is reached.
  for (size_t i = 0; i < n; ++i)
    if (!scan.find_outside(address + i * sizeof *words)) scan.scan(words + i, 1);
}

bool LeakScan::run(const void* stack) {
  if (!make_tables()) return false;
  free_cached();
  apply_marks();
  kmem_port_each_root(visit_root, this, stack);
  scan_frames();
  scan_grey();
  for (uint32_t i = 1; i <= nr_; ++i) {
    if (blocks_[i].colour == Free) continue;
    ++totals_.blocks;
    totals_.bytes += blocks_[i].bytes;
    if (!is_leak(i)) continue;
    ++totals_.leaked_blocks;
    totals_.leaked_bytes += blocks_[i].bytes;
  }
  totals_.done = true;
  return true;
}

LeakScan::Leak LeakScan::leak_at(uint32_t i) const {
  const Block& block = blocks_[i];
  const auto* at = reinterpret_cast<const void*>(block.address);
  return {at, static_cast<size_t>(block.bytes), block.cache_id ? &heap_.cache(block.cache_id) : nullptr};
}

}  // namespace kmem
