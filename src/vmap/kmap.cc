#include "vmap/kmap.h"

#include "port/high_memory.h"
#include "port/task.h"
#include "port/tasks.h"
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

unsigned long long number_of(Pfn pfn) { return pfn.value; }

}  // namespace

void Kmap::init(PageAllocator* pages, Vmap* vmap) {
  pages_ = pages;
  vmap_ = vmap;
  for (unsigned i = 0; i < pages->nr_zones(); ++i) {
    const Zone& zone = pages->zone(i);
    if (zone.kind() != ZoneKind::HighMem) continue;
    if (zone.first() < first_high_) first_high_ = zone.first();
    if (!pages->has_address(zone.first())) continue;
    char* end = pages->address(zone.first() + zone.nr_frames());
    if (end > high_end_) high_end_ = end;
    high_start_ = pages->address(first_high_);
  }
}

void* Kmap::address(const Page* page) const {
  if (void* shown = vmap_->shown_at(page)) return shown;
  const Pfn pfn = pages_->pfn_of(page);
  if (is_high(pfn) && !map_count(page)) return nullptr;
  return pages_->has_address(pfn) ? home(page) : kmem_port_shown_at(pfn.value);
}

/// The count saturates: a page that was mapped too often stays mapped.
void Kmap::count_one(Page* page) {
  uint32_t seen = __atomic_load_n(&page->aux2, __ATOMIC_RELAXED);
  while ((seen & kCount) != kCount)
    if (__atomic_compare_exchange_n(&page->aux2, &seen, seen + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
}

void* Kmap::map(Page* page) {
  if (void* shown = vmap_->shown_at(page)) return shown;
  const Pfn pfn = pages_->pfn_of(page);
  void* at = home(page);
  if (!pages_->has_address(pfn))
    while (!(at = kmem_port_show_frame(pfn.value))) kmem_port_yield();
  if (is_high(pfn)) count_one(page);
  return at;
}

void Kmap::unmap(Page* page) {
  const Pfn pfn = pages_->pfn_of(page);
  if (!is_high(pfn) || vmap_->shown_at(page)) return;
  uint32_t seen = __atomic_load_n(&page->aux2, __ATOMIC_RELAXED);
  if ((seen & kCount) == kCount) return;
  while (seen & kCount)
    if (__atomic_compare_exchange_n(&page->aux2, &seen, seen - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return pages_->has_address(pfn) ? void() : kmem_port_hide_frame(pfn.value);
  bug_report(Trouble::Bug, "kunmap: pfn %#llx is not mapped", static_cast<unsigned long long>(pfn.value));
}

void* Kmap::map_local(Page* page) {
  if (void* shown = vmap_->shown_at(page)) return shown;
  const Pfn pfn = pages_->pfn_of(page);
  if (!is_high(pfn)) return home(page);
  void* const at = pages_->has_address(pfn) ? home(page) : kmem_port_show_frame(pfn.value);
  if (!at) return bug_report(Trouble::Bug, "kmap_local_page: no place is left for pfn %#llx", number_of(pfn)), nullptr;
  LocalStack stack;
  if (stack.depth() < 255) stack.push(pfn - first_high_ + 1);
  if (stack.depth() > kMaxLocal)
    bug_report(Trouble::Warning, "kmap_local_page: %u local mappings at once; no more than %u are allowed", stack.depth(),
               kMaxLocal);
  return at;
}

Maybe<Pfn> Kmap::high_frame_at(const void* address) const {
  if (is_home_of_high(address)) return pages_->pfn_of_address(address);
  const uint64_t shown = kmem_port_frame_at(address);
  return shown == kNoFrame ? Maybe<Pfn>{} : Pfn{shown};
}

void Kmap::unmap_local(const void* address) {
  const Maybe<Pfn> found = high_frame_at(address);
  if (!found) return;
  const Pfn pfn = *found;
  LocalStack stack;
  const auto number = number_of(pfn);
  if (!stack.depth()) return bug_report(Trouble::Bug, "kunmap_local: pfn %#llx is not mapped by this task", number);
  if (stack.top() && stack.top() != pfn - first_high_ + 1)
    return bug_report(Trouble::Bug, "kunmap_local: pfn %#llx is not the last that was mapped: that is pfn %#llx", number,
                      static_cast<unsigned long long>(first_high_.value + stack.top() - 1));
  stack.pop();
  if (!pages_->has_address(pfn)) kmem_port_hide_frame(pfn.value);
}

unsigned Kmap::nr_local() { return LocalStack{}.depth(); }

Page* Kmap::page_of(const void* address) const {
  if (const auto pfn = vmap_->frame_at(address)) return pages_->page_at(*pfn);
  if (const auto high = high_frame_at(address)) return pages_->page_at(*high);
  const Pfn pfn = pages_->pfn_of_address(address);
  return pages_->is_online(pfn) ? pages_->page_at(pfn) : nullptr;
}

}  // namespace kmem
