#include "slab/runs.h"

#include "base/memory.h"
#include "base/sparse.h"
#include "page/page_allocator.h"
#include "port/port.h"
#include "slab/debug.h"
#include "slab/slab_world.h"
#include "watch/fault_injection.h"
#include "watch/free_watch.h"
#include "watch/report.h"

namespace kmem {
namespace {

char* page_end(char* at) { return reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(at), kPageSize)); }
uint64_t pages_of(size_t bytes) { return round_up(bytes, kPageSize) >> kPageShift; }
Order order_of(size_t align) { return {static_cast<uint8_t>(log2_ceil(pages_of(align)))}; }

/// The most frames of kept runs: at most 4 MiB, and less on a small machine.
uint64_t most_kept(const PageAllocator& pages) {
  constexpr uint64_t kMost = (uint64_t{4} << 20) >> kPageShift;
  const uint64_t share = pages.frames_end() / 64;
  return share < kMost ? share : kMost;
}

/// The first byte that is not zero; null if all are.
const char* find_not_zero(const char* at, const char* end) {
  if (reads_as_zero(at, static_cast<size_t>(end - at))) return nullptr;
  while (!*at) ++at;
  return at;
}

}  // namespace

void Runs::init(const SlabWorld& world, void* metadata) {
  world_ = &world;
  table_.init(metadata);
}

Page* Runs::page_of(const void* run) const { return world_->pages->page_at(world_->pages->pfn_of_address(run)); }

Run Runs::at(const void* p) const {
  if (const BlockTable::Entry* entry = table_.find(p)) return Run::of(entry->word.load());
  const Page* page = page_of(p);
  if (page->kind() != PageKind::Run || reinterpret_cast<uint64_t>(p) % kPageSize) return {};
  return {.pages = page->aux};
}

// Taking and giving back -------------------------------------------------------------------------------------------------

void* Runs::alloc(size_t size, Gfp gfp, int nid) {
  bool zeroed;
  if (world_->init_on_alloc) gfp |= gfp::kZero;
  Page* page = world_->pages->alloc_run(gfp, pages_of(size), order_of(size & -size), nid, zeroed);
  if (!page) return nullptr;
  page->aux2 = 0;
  return begin(world_->pages->address(world_->pages->pfn_of(page)), size, gfp);
}

void* Runs::alloc_aligned(size_t size, size_t align, Contents contents) {
  if (align == 1)
    if (const KeptBlocks::Kept kept = kept_.take(pages_of(size))) return give_again(kept, size, contents);
  bool zeroed = false;
  const Gfp gfp = gfp::kKernel | (contents == Contents::Zero || world_->init_on_alloc ? gfp::kZero : 0);
  const Maybe<Pfn> first = world_->pages->alloc_span(gfp, pages_of(size), order_of(align), kNoNode, zeroed);
  if (!first) return nullptr;
  char* const p = world_->pages->address(*first);
  Run run{.pages = static_cast<uint32_t>(pages_of(size))};
  if (align == 1) finish_end(p, size, zeroed || (gfp & gfp::kZero) ? Contents::Zero : Contents::Any, run);
  if (table_.insert(p, run.word())) return begin(p, size, gfp);
  world_->pages->free_span(*first, run.pages);
  return nullptr;
}

void* Runs::begin(char* p, size_t size, Gfp gfp) {
  if (KMEM_UNLIKELY(world_->tells))
    kmem_port_tell(gfp & gfp::kZero ? Tell::GivenWhole : Tell::Given, p, round_up(size, kPageSize));
  return p;
}

void Runs::free(void* p) {
  if (BlockTable::Entry* entry = table_.find(p)) return static_cast<void>(free_entry(p, *entry));
  Page* const page = page_of(p);
  end(p, {.pages = page->aux});
  world_->pages->free_run(page);
}

bool Runs::free_mallocs(void* p) {
  BlockTable::Entry* entry = table_.find(p);
  return entry && free_entry(p, *entry);
}

// False: it was freed before.
bool Runs::free_entry(void* p, BlockTable::Entry& entry) {
  const Run run = Run::of(entry.word.load());
  if (!run.pages) return false;
  end(p, run);
  // Of two tasks that free the same block at the same time only one continues.
  if (uint64_t word = run.word(); !entry.word.compare_exchange(word, word | Run::kKept)) return true;
  const uint64_t most = most_kept(*world_->pages);
  KeptBlocks::Place* const place = keeps() && run.pages <= most ? kept_.place_for(run.pages) : nullptr;
  if (!place) release(entry, run.pages);
  else if (const KeptBlocks::Kept old = kept_.put(*place, entry, run.pages)) release(old);
  if (kept_.nr_pages() > most) let_go(place);
  return true;
}

// What is checked, and who is told, before a run goes back.
void Runs::end(void* p, const Run& run) {
  check_end(static_cast<char*>(p), run);
  tell_freed(p, run.bytes());
  if (KMEM_LIKELY(!world_->tells)) return;
  kmem_port_tell(Tell::Taken, p, run.bytes());
  kmem_port_tell(Tell::Open, p, run.bytes());
}

// Kept runs --------------------------------------------------------------------------------------------------------------

// Runs are not kept if freed memory is checked or must be zero.
bool Runs::keeps() const { return !world_->direct && !world_->tells && !world_->seals.on() && !world_->pages->wipes(); }

void* Runs::take_kept(size_t size) {
  const KeptBlocks::Kept kept = kept_.take(pages_of(size));
  if (!kept) return nullptr;
  const uint64_t word = kept.entry()->word.load() & ~Run::kKept;
  if (KMEM_UNLIKELY(Run::of(word).asked != size)) return give_again(kept, size, Contents::Any);
  kept.entry()->word.store(word);
  return kept.at();
}

bool Runs::keep(void* p, KeptBlocks::Kept& other) {
  BlockTable::Entry* const entry = table_.find(p);
  const Run run = entry ? Run::of(entry->word.load()) : Run{};
  KeptBlocks::Place* const place = run.pages ? kept_.empty_place_for(run.pages) : nullptr;
  if (!place) return false;
  if (run.asked % kPageSize) check_end(static_cast<char*>(p), run);
  if (uint64_t word = run.word(); entry->word.compare_exchange(word, word | Run::kKept))
    other = kept_.put(*place, *entry, run.pages);
  return true;
}

Run Runs::kept_at(const void* p) const {
  const BlockTable::Entry* entry = table_.find(p);
  const uint64_t word = entry ? entry->word.load() : 0;
  return word & Run::kKept ? Run::of(word & ~Run::kKept) : Run{};
}

void Runs::release(BlockTable::Entry& entry, uint64_t nr) {
  const void* const p = BlockTable::address_of(entry.key.load());
  table_.erase(&entry, p);
  world_->pages->free_span(world_->pages->pfn_of_address(p), nr);
}

uint64_t Runs::let_go(const KeptBlocks::Place* but) {
  uint64_t frames = 0;
  for (KeptBlocks::Kept run; (run = kept_.take_any(but)); frames += run.pages()) release(run);
  return frames;
}

void* Runs::give_again(KeptBlocks::Kept kept, size_t size, Contents contents) {
  const size_t bytes = kept.pages() << kPageShift;
  if (should_fail(FaultPoint::Pages, gfp::kKernel, bytes)) return release(kept), nullptr;
  char* const p = static_cast<char*>(kept.at());
  Run run = Run::of(kept.entry()->word.load() & ~Run::kKept);
  const bool same = run.asked == size;  // then the pattern behind it is intact: the free checked it
  if (contents == Contents::Zero) clear_sparsely(p, same ? size : bytes);
  if (!same) finish_end(p, size, contents, run);
  kept.entry()->word.store(run.word());
  return begin(p, size, gfp::kKernel);
}

// Behind the block's end -------------------------------------------------------------------------------------------------

void Runs::finish_end(char* p, size_t size, Contents behind, Run& run) {
  char* const at = p + size;
  char* const end = page_end(at);
  run.asked = static_cast<uint32_t>(size);
  run.bare = !world_->tells && (behind == Contents::Zero || !find_not_zero(at, end));
  if (!run.bare) pattern::fill_red(at, end, world_->red_key);
}

bool Runs::check_end(char* p, const Run& run) {
  if (!run.asked) return true;
  char* const at = p + run.asked;
  char* const end = page_end(at);
  const uint64_t key = world_->red_key;
  const char* wrong = run.bare ? find_not_zero(at, end) : pattern::find_not_red(at, end, key);
  if (KMEM_LIKELY(!wrong)) return true;
  const auto expected = [&](const char* byte) -> uint8_t {
    return run.bare ? 0 : pattern::red_byte(pattern::kRedActive, key, byte);
  };
  static RateLimit limit;
  bug_report_limited(
      limit, Trouble::Bug, "write past the end of %p, a block of %u bytes%s: byte %llu is 0x%02x instead of 0x%02x",
      static_cast<void*>(p), run.asked, static_cast<uint8_t>(at[0]) == expected(at) ? ", or in front of what follows it" : "",
      static_cast<unsigned long long>(wrong - p), static_cast<uint8_t>(*wrong), expected(wrong));
  if (run.bare) memset(at, 0, static_cast<size_t>(end - at));
  else pattern::fill_red(at, end, key);
  return false;
}

Fault Runs::check() const {
  if (const Fault fault = table_.check()) return fault;
  return kept_.check_marks(table_, Run::kKept, [](uint64_t word) { return Run::of(word).pages; });
}

uint64_t Runs::validate() {
  uint64_t faults = 0;
  table_.each([&](const void* p, const BlockTable::Entry& entry) {
    faults += !check_end(const_cast<char*>(static_cast<const char*>(p)), Run::of(entry.word.load()));
  });
  return faults;
}

// Other sizes --------------------------------------------------------------------------------------------------------------

bool Runs::resize_pages(void* p, const Run& run, uint64_t nr) {
  PageAllocator& pages = *world_->pages;
  BlockTable::Entry* entry = table_.find(p);
  bool zeroed;
  if (!entry) return pages.resize_run(page_of(p), nr, zeroed);
  if (nr < run.pages) entry->word.store(Run{.pages = static_cast<uint32_t>(nr)}.word());  // before others claim the rest
  return pages.resize_span(pages.pfn_of_address(p), run.pages, nr);
}

// Not in place with a checker, which knows each block by its size.
bool Runs::resize(void* p, size_t size) {
  if (KMEM_UNLIKELY(world_->tells)) return false;
  auto* const begin = static_cast<char*>(p);
  const uint64_t nr = pages_of(size);
  Run run = at(p);
  check_end(begin, run);
  if (!resize_pages(p, run, nr)) return false;
  BlockTable::Entry* entry = table_.find(p);
  if (!entry) return true;
  run.pages = static_cast<uint32_t>(nr);
  if (run.asked) finish_end(begin, size, Contents::Any, run);
  entry->word.store(run.word());
  return true;
}

}  // namespace kmem
