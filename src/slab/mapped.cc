#include "slab/mapped.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/sparse.h"
#include "slab/debug.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
namespace {

/// The most pages of kept blocks: the pages in use plus 8 MiB, which also a program that has freed everything may keep.
uint64_t most_kept(uint64_t bytes_in_use) {
  constexpr uint64_t kBeyondUse = uint64_t{8} << 20;
  return (bytes_in_use + kBeyondUse) >> kPageShift;
}

}  // namespace

bool MappedBlocks::insert(void* p, uint64_t word) {
  if (!table_.insert(p, word)) return false;
  out_.add(word & kBytes);
  return true;
}

bool MappedBlocks::erase(const void* p, size_t& bytes) {
  Entry* entry = table_.find(p);
  if (!entry) return false;
  bytes = entry->word.load() & kBytes;
  if (!table_.erase(entry, p)) return false;  // of two frees at the same time one wins
  out_.sub(bytes);
  return true;
}

// If address space is short, as under RLIMIT_AS, releases the addresses of freed blocks.
void* MappedBlocks::map(size_t bytes, size_t align) {
  void* p = kmem_port_map(bytes, align);
  if (!p && let_go()) p = kmem_port_map(bytes, align);
  for (void* held; !p && (held = held_.take()); p = kmem_port_map(bytes, align)) let_go(held);
  return p;
}

void* MappedBlocks::alloc(size_t size, size_t align, Contents contents) {
  const size_t bytes = round_up(size, kPageSize);
  if (should_fail(FaultPoint::Mapped, kNoGfp, bytes)) return nullptr;
  // Not for zeroed memory: a used block is not zero, and clearing would make all of it resident.
  if (align == 1 && contents == Contents::Any)
    if (void* p = give_again(size, bytes >> kPageShift)) return p;
  if (!charge(bytes)) return nullptr;
  void* p = map(bytes, align);
  if (p && insert(p, block_word(bytes, size))) return p;
  if (p) kmem_port_unmap(p, bytes);
  uncharge(bytes);
  return nullptr;
}

size_t MappedBlocks::size_of(const void* p) const {
  const uint64_t word = word_of(p);
  return is_out(word) ? (word & kBytes) - slack_of(word) : 0;
}

// The host's memory is zero, so no pattern is written to pages that the program may never touch; checking such a page only maps
// the host's zero page. A write of zeroes is not detected.
void MappedBlocks::check_slack(const char* p, uint64_t word) {
  const char* const end = p + (word & kBytes);
  for (const char* at = end - slack_of(word); at < end; ++at) {
    if (!*at) continue;
    static RateLimit limit;
    bug_report_limited(limit, Trouble::Bug,
                       "write past the end of %p, a block of %llu bytes: byte %lld is 0x%02x instead of 0x00",
                       static_cast<const void*>(p), static_cast<unsigned long long>((word & kBytes) - slack_of(word)),
                       static_cast<long long>(at - p), static_cast<uint8_t>(*at));
    return;
  }
}

bool MappedBlocks::free(void* p, Freed freed) {
  Entry* entry = table_.find(p);
  uint64_t word = entry ? entry->word.load() : 0;
  if (!word || !is_out(word)) return false;
  // Of two tasks that free the same block at the same time only one continues.
  if (!entry->word.compare_exchange(word, word | (word & kGuarded ? kHeld : kKept))) return false;
  if (word & kGuarded) return free_guarded(p, word & kBytes), true;
  const size_t bytes = word & kBytes;
  check_slack(static_cast<const char*>(p), word);
  out_.sub(bytes);
  const uint64_t pages = bytes >> kPageShift, most = most_kept(out_.bytes.value());
  KeptBlocks::Place* place = freed == Freed::MayStay && pages <= most ? kept_.place_for(pages) : nullptr;
  // Closed, so that a use after the free still ends the program.
  if (place && !kmem_port_protect(p, bytes, Protection::Closed)) place = nullptr;
  if (!place) release(*entry, bytes);
  else if (const KeptBlocks::Kept old = kept_.put(*place, *entry, pages)) release(*old.entry(), old.pages() << kPageShift);
  if (kept_.nr_pages() > most) let_go(place);
  return true;
}

// Kept -----------------------------------------------------------------------------------------------------------------

void MappedBlocks::release(Entry& entry, size_t bytes) {
  void* const p = const_cast<void*>(BlockTable::address_of(entry.key.load()));
  table_.erase(&entry, p);
  kmem_port_unmap(p, bytes);
  uncharge(bytes);
}

uint64_t MappedBlocks::let_go(const KeptBlocks::Place* but) {
  uint64_t pages = 0;
  for (KeptBlocks::Kept block; (block = kept_.take_any(but)); pages += block.pages())
    release(*block.entry(), block.pages() << kPageShift);
  return pages;
}

void* MappedBlocks::give_again(size_t size, uint64_t pages) {
  const KeptBlocks::Kept block = kept_.take(pages);
  if (!block) return nullptr;
  char* const p = static_cast<char*>(block.at());
  const size_t bytes = pages << kPageShift, before = bytes - slack_of(block.entry()->word.load());
  if (!kmem_port_protect(p, bytes, Protection::Open)) return release(*block.entry(), bytes), nullptr;
  if (size < before) memset(p + size, 0, before - size);
  block.entry()->word.store(block_word(bytes, size));
  out_.add(bytes);
  return p;
}

// Guarded --------------------------------------------------------------------------------------------------------------

bool MappedBlocks::is_guarded(const void* p) const { return word_of(p) & kGuarded; }

bool MappedBlocks::is_held(const void* p) const { return !is_out(word_of(p)); }

void* MappedBlocks::alloc_guarded(size_t size, size_t align) {
  const size_t inner = round_up(size, kPageSize);
  if (should_fail(FaultPoint::Mapped, kNoGfp, inner) || !charge(inner)) return nullptr;
  auto* from = static_cast<char*>(map(inner + 2 * kPageSize, kPageSize));
  if (!from) return uncharge(inner), nullptr;
  char* const end = from + kPageSize + inner;
  char* const p = from + kPageSize + round_down(inner - size, align);
  if (kmem_port_guard(from, kPageSize) && kmem_port_guard(end, kPageSize) && insert(p, size | kGuarded)) {
    guards_.fill(from + kPageSize, p);
    guards_.fill(p + size, end);
    guarded_.add(p);
    return p;
  }
  kmem_port_unmap(from, inner + 2 * kPageSize, Guards::Some);
  uncharge(inner);
  return nullptr;
}

bool MappedBlocks::shrink_guarded(void* p, size_t size) {
  Entry* entry = table_.find(p);
  uint64_t word = entry ? entry->word.load() : 0;
  const size_t old = word & kBytes;
  if (!(word & kGuarded) || (word & kHeld) || size > old) return false;
  guards_.check(static_cast<char*>(p), old);
  const BlockGuards::Range was = BlockGuards::range_of(p, old), is = BlockGuards::range_of(p, size);
  char *const end = is.from + is.bytes, *const was_end = was.from + was.bytes;
  if (end < was_end && !kmem_port_guard(end - kPageSize, kPageSize)) return false;
  if (!entry->word.compare_exchange(word, size | kGuarded)) return false;
  out_.bytes.sub(old - size);
  guards_.fill(static_cast<char*>(p) + size, end - kPageSize);
  if (end == was_end) return true;
  kmem_port_remap(was.from, was.bytes, is.bytes);
  uncharge(static_cast<size_t>(was_end - end));
  return true;
}

bool MappedBlocks::grow_guarded(void* p, size_t size) {
  Entry* entry = table_.find(p);
  uint64_t word = entry ? entry->word.load() : 0;
  const size_t old = word & kBytes;
  if (!(word & kGuarded) || (word & kHeld) || size < old) return false;
  const BlockGuards::Range range = BlockGuards::range_of(p, old);
  if (BlockGuards::range_of(p, size).bytes != range.bytes) return false;
  guards_.check(static_cast<char*>(p), old);
  if (!entry->word.compare_exchange(word, size | kGuarded)) return false;
  out_.bytes.add(size - old);
  out_.peak.raise_to(out_.bytes.value());
  return true;
}

void MappedBlocks::free_guarded(void* p, size_t size) {
  guards_.check(static_cast<char*>(p), size);
  out_.sub(size);
  const BlockGuards::Range range = BlockGuards::range_of(p, size);
  kmem_port_guard(range.from, range.bytes);
  uncharge(range.bytes - 2 * kPageSize);
  if (void* oldest = held_.add(p)) let_go(oldest);
}

void MappedBlocks::let_go(void* held) {
  Entry* entry = table_.find(held);
  if (!entry) return;
  const BlockGuards::Range gone = BlockGuards::range_of(held, entry->word.load() & kBytes);
  table_.erase(entry, held);
  kmem_port_unmap(gone.from, gone.bytes, Guards::Some);
}

bool MappedBlocks::is_damaged(const void* p, uint64_t word) {
  if (!(word & kGuarded) || (word & kHeld)) return false;
  return !guards_.check(const_cast<char*>(static_cast<const char*>(p)), word & kBytes);
}

uint64_t MappedBlocks::validate() {
  const uint32_t n = guarded_.nr();
  uint64_t faults = 0;
  if (n > FirstBlocks::kMost)
    table_.each([&](const void* p, const Entry& entry) { faults += is_damaged(p, entry.word.load()); });
  for (uint32_t i = 0; n <= FirstBlocks::kMost && i < n; ++i) {
    faults += is_damaged(guarded_.at(i), word_of(guarded_.at(i)));
  }
  return faults;
}

void* MappedBlocks::resize(void* p, size_t size) {
  const size_t bytes = round_up(size, kPageSize);
  if (is_guarded(p)) return nullptr;
  const uint64_t word = word_of(p);
  size_t old = word & kBytes;
  const size_t more = bytes > old ? bytes - old : 0;
  if (should_fail(FaultPoint::Mapped, kNoGfp, bytes) || !charge(more)) return nullptr;
  if (!erase(p, old)) return uncharge(more), nullptr;
  check_slack(static_cast<const char*>(p), word);
  void* moved = kmem_port_remap(p, old, bytes);
  // When a block grows, its old slack becomes part of it, and the new pages are zero.
  if (moved && size < old) clear_sparsely(static_cast<char*>(moved) + size, bytes - size);
  insert(moved ? moved : p, moved ? block_word(bytes, size) : word);
  uncharge(moved ? old + more - bytes : more);
  return moved;
}

Fault MappedBlocks::check() const {
  uint64_t nr = 0, sum = 0;
  table_.each([&](const void*, const Entry& entry) {
    const uint64_t word = entry.word.peek();
    nr += is_out(word);
    sum += is_out(word) ? word & kBytes : 0;
  });
  if (const Fault fault = table_.check()) return fault;
  if (nr != out_.nr.value()) return {"L3 nr is the number of blocks in the table", 0, nr, out_.nr.value()};
  if (sum != out_.bytes.value()) return {"L3 bytes is the sum over the table", 0, sum, out_.bytes.value()};
  return kept_.check_marks(table_, kKept, [](uint64_t word) { return (word & kBytes) >> kPageShift; });
}

}  // namespace kmem
