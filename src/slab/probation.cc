// Blocks on probation: the heap of an ordinary program, with no boot word, looks closely at the first blocks of each size
// and then at one now and then.  Mistakes are made again and again, and most are made early.

#include "base/format.h"
#include "base/memory.h"
#include "slab/heap.h"
#include "watch/report.h"

namespace kmem {
namespace {
/// After its first blocks a size gets a checked one so seldom: one of so many times that a sheaf was refilled.
constexpr int32_t kBetweenChecked = 128;
/// One between closed pages costs system calls and as many page faults as it has pages, and sheaves of large objects are
/// short: these come more seldom.
constexpr int32_t kBetweenMapped = 8 * kBetweenChecked;
}  // namespace

void Heap::start_probation(uint32_t nr_blocks) {
  for (unsigned i = 0; i < kNrCheckedClasses; ++i) {
    TextOf<32> name;
    const uint32_t size = 32u << i;
    size >= 1024 ? name.put("checked-").dec(size / 1024).put('k') : name.put("checked-").dec(size);
    checked_[i] = create({.name = name.data(), .object_size = size, .align = 16,
                          .flags = debug::kChecks | debug::kRedZone | debug::kPoison, .frugal = true});
    if (!checked_[i]) return;
  }
  for (auto& until : until_checked_) until.poke(static_cast<int32_t>(nr_blocks));
  large_until_checked_.poke(static_cast<int32_t>(nr_blocks));
  probation_ = true;
}

void* Heap::malloc_checked(size_t size) {
  const auto* by_size = reinterpret_cast<const uint8_t*>(base_ + kMallocClasses);
  const unsigned index = by_size[size ? (size - 1) / 16 : 0] - first_malloc_;
  const int32_t until = until_checked_[index].peek();
  const int32_t between = size > kLargestChecked ? kBetweenMapped : kBetweenChecked;
  until_checked_[index].poke(until - 1 > -between ? until - 1 : 1);
  if (until <= 0) return nullptr;
  if (size > kLargestChecked) return mapped_.alloc_guarded(size, 16);
  const unsigned order = size <= 32 ? 0 : log2_ceil(size) - 5;
  return checked_[order]->alloc(gfp::kKernel, kNoNode, static_cast<uint32_t>(size ? size : 1));
}

uint64_t Heap::last_look(bool quiet) {
  uint64_t faults = 0;
  for (uint32_t id = 1; id <= nr_caches(); ++id) {
    if (!caches_[id].live() || !caches_[id].nr_slabs()) continue;
    if (!caches_[id].direct()) caches_[id].come_home();
    else if (quiet) faults += caches_[id].validate();
  }
  return quiet ? faults + check_runs() + mapped_.validate() : 0;
}

void Heap::check_size(const void* p, const Block& block, size_t size) {
  const size_t most = block.bytes;
  bool right = !size || size == most;
  if (block.kind == BlockKind::Object && !block.cache->debug().on())
    right = !size || (size <= most && size <= kMallocMax &&
                      reinterpret_cast<const uint8_t*>(base_ + kMallocClasses)[(size - 1) / 16] == block.cache->id());
  if (block.kind == BlockKind::Mapped && !mapped_.is_guarded(p)) right = !size || round_up(size, kPageSize) == round_up(most, kPageSize);
  if (right) return;
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "sized free of %p: %zu bytes are given back, %zu were %s", p, size, most,
                     block.kind == BlockKind::Object && !block.cache->debug().on() ? "its room" : "asked for");
}

}  // namespace kmem
