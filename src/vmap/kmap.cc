#include "vmap/kmap.h"

#include "port/task.h"
#include "watch/report.h"

namespace kmem {
namespace {

/// The local mappings of a task, in TaskState::words: the frames of the last four, 28 bits each, topmost lowest, and from bit
/// 56 of the second word on the number of mappings. A frame number is relative to the first high frame, plus 1; 0 stands for
/// one that later ones have pushed out, and whose order is not checked.
struct LocalStack {
  static constexpr unsigned kBits = 28, kDepthShift = 56;
  static constexpr uint64_t kMask = (uint64_t{1} << kBits) - 1, kFrames = (uint64_t{1} << 2 * kBits) - 1;

  TaskState& task = *kmem_port_task();
  uint64_t low = task.words[0].peek(), high = task.words[1].peek();

  unsigned depth() const { return static_cast<unsigned>(high >> kDepthShift); }
  uint64_t top() const { return low & kMask; }
  void push(uint64_t frame) {
    const uint64_t n = depth() + 1;
    high = ((high << kBits | low >> kBits) & kFrames) | n << kDepthShift;
    low = (low << kBits | frame) & kFrames;
    keep();
  }
  void pop() {
    const uint64_t n = depth() - 1, frames = high & kFrames;
    low = low >> kBits | (frames & kMask) << kBits;
    high = frames >> kBits | n << kDepthShift;
    keep();
  }
  // An interrupt between the two stores restores both words.
  void keep() {
    task.words[0].poke(low);
    task.words[1].poke(high);
  }
};

}  // namespace

void Kmap::init(PageAllocator* pages, Vmap* vmap) {
  pages_ = pages;
  vmap_ = vmap;
  for (unsigned i = 0; i < pages->nr_zones(); ++i) {
    const Zone& zone = pages->zone(i);
    if (zone.kind() != ZoneKind::HighMem) continue;
    if (zone.first() < first_high_) first_high_ = zone.first();
    char* end = pages->address(zone.first() + zone.nr_frames());
    if (end > high_end_) high_end_ = end;
    high_start_ = pages->address(first_high_);
  }
}

void* Kmap::address(const Page* page) const {
  if (void* shown = vmap_->shown_at(page)) return shown;
  return is_high(pages_->pfn_of(page)) && !map_count(page) ? nullptr : home(page);
}

/// The count saturates: a page that was mapped too often stays mapped.
void Kmap::count_one(Page* page) {
  uint32_t seen = __atomic_load_n(&page->aux2, __ATOMIC_RELAXED);
  while ((seen & kCount) != kCount)
    if (__atomic_compare_exchange_n(&page->aux2, &seen, seen + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
}

void* Kmap::map(Page* page) {
  if (void* shown = vmap_->shown_at(page)) return shown;
  if (is_high(pages_->pfn_of(page))) count_one(page);
  return home(page);
}

void Kmap::unmap(Page* page) {
  if (!is_high(pages_->pfn_of(page)) || vmap_->shown_at(page)) return;
  uint32_t seen = __atomic_load_n(&page->aux2, __ATOMIC_RELAXED);
  if ((seen & kCount) == kCount) return;
  while (seen & kCount)
    if (__atomic_compare_exchange_n(&page->aux2, &seen, seen - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
  bug_report(Trouble::Bug, "kunmap: pfn %#llx is not mapped", static_cast<unsigned long long>(pages_->pfn_of(page).value));
}

void* Kmap::map_local(Page* page) {
  if (void* shown = vmap_->shown_at(page)) return shown;
  const Pfn pfn = pages_->pfn_of(page);
  if (!is_high(pfn)) return home(page);
  LocalStack stack;
  if (stack.depth() < 255) stack.push(pfn - first_high_ + 1);
  if (stack.depth() > kMaxLocal)
    bug_report(Trouble::Warning, "kmap_local_page: %u local mappings at once; no more than %u are allowed", stack.depth(),
               kMaxLocal);
  return home(page);
}

void Kmap::unmap_local(const void* address) {
  if (!is_home_of_high(address)) return;
  const Pfn pfn = pages_->pfn_of_address(address);
  LocalStack stack;
  const auto number = static_cast<unsigned long long>(pfn.value);
  if (!stack.depth()) return bug_report(Trouble::Bug, "kunmap_local: pfn %#llx is not mapped by this task", number);
  if (stack.top() && stack.top() != pfn - first_high_ + 1)
    return bug_report(Trouble::Bug, "kunmap_local: pfn %#llx is not the last that was mapped: that is pfn %#llx", number,
                      static_cast<unsigned long long>(first_high_.value + stack.top() - 1));
  stack.pop();
}

unsigned Kmap::nr_local() { return LocalStack{}.depth(); }

Page* Kmap::page_of(const void* address) const {
  if (const auto pfn = vmap_->frame_at(address)) return pages_->page_at(*pfn);
  const Pfn pfn = pages_->pfn_of_address(address);
  return pages_->is_online(pfn) ? pages_->page_at(pfn) : nullptr;
}

}  // namespace kmem
