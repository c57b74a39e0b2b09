#include "slab/mapped.h"

#include "base/bits.h"
#include "base/memory.h"
#include "slab/debug.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {

MappedBlocks::Entry* MappedBlocks::find(const void* p) const {
  const auto key = reinterpret_cast<uint64_t>(p);
  if (key <= kGone) return nullptr;  // these say what a place is, and name no block
  for (uint32_t i = home(key), n = 0; n < kEntries; i = (i + 1) % kEntries, ++n) {
    const uint64_t seen = table_[i].key.load();
    if (seen == key) return &table_[i];
    if (!seen) break;
  }
  return nullptr;
}

bool MappedBlocks::insert(void* p, size_t bytes) {
  const auto key = reinterpret_cast<uint64_t>(p);
  for (uint32_t i = home(key), n = 0; n < kEntries; i = (i + 1) % kEntries, ++n) {
    uint64_t seen = table_[i].key.load();
    if (seen > kGone || !table_[i].key.compare_exchange(seen, key)) continue;
    table_[i].bytes.store(bytes);
    nr_.add();
    bytes_.add(bytes & kBytes);
    peak_.raise_to(bytes_.value());
    return true;
  }
  return false;
}

bool MappedBlocks::erase(const void* p, size_t& bytes) {
  Entry* entry = find(p);
  if (!entry) return false;
  bytes = entry->bytes.load() & kBytes;
  uint64_t key = reinterpret_cast<uint64_t>(p);
  if (!entry->key.compare_exchange(key, kGone)) return false;  // freed twice at the same time: one of them wins
  nr_.sub();
  bytes_.sub(bytes);
  return true;
}

void* MappedBlocks::alloc(size_t size, size_t align) {
  const size_t bytes = round_up(size, kPageSize);
  if (should_fail(FaultPoint::Mapped, kNoGfp, bytes) || !charge(bytes)) return nullptr;
  void* p = kmem_port_map(bytes, align);
  if (p && insert(p, bytes | (bytes - size) << kSlackShift)) return p;
  if (p) kmem_port_unmap(p, bytes);
  uncharge(bytes);
  return nullptr;
}

size_t MappedBlocks::size_of(const void* p) const {
  const Entry* entry = find(p);
  const uint64_t word = entry ? entry->bytes.load() : 0;
  return word & kHeld ? 0 : (word & kBytes) - slack_of(word);
}

// As the host gives it, it is zero; so nothing is written that the program might never have touched.  A write of zeroes there
// is not seen.
void MappedBlocks::check_slack(const char* p, uint64_t word) {
  const char* const end = p + (word & kBytes);
  if (!slack_of(word) || !kmem_port_window_touched(end - kPageSize, kPageSize)) return;
  for (const char* at = end - slack_of(word); at < end; ++at) {
    if (!*at) continue;
    static RateLimit limit;
    bug_report_limited(limit, Trouble::Bug, "write past the end of %p, a block of %llu bytes: byte %lld is 0x%02x instead of 0x00",
                       static_cast<const void*>(p), static_cast<unsigned long long>((word & kBytes) - slack_of(word)),
                       static_cast<long long>(at - p), static_cast<uint8_t>(*at));
    return;
  }
}

bool MappedBlocks::free(void* p) {
  size_t bytes;
  Entry* entry = find(p);
  uint64_t word = entry ? entry->bytes.load() : 0;
  if (word & kGuarded) {
    if ((word & kHeld) || !entry->bytes.compare_exchange(word, word | kHeld)) return false;
    free_guarded(p, word & kBytes);
    return true;
  }
  if (!erase(p, bytes)) return false;
  check_slack(static_cast<const char*>(p), word);
  kmem_port_unmap(p, bytes);
  uncharge(bytes);
  return true;
}

// Guarded --------------------------------------------------------------------------------------------------------------

bool MappedBlocks::is_guarded(const void* p) const {
  const Entry* entry = find(p);
  return entry && (entry->bytes.load() & kGuarded);
}

bool MappedBlocks::is_held(const void* p) const {
  const Entry* entry = find(p);
  return entry && (entry->bytes.load() & kHeld);
}

MappedBlocks::Range MappedBlocks::range_of(const void* p, size_t size) {
  const auto at = reinterpret_cast<uint64_t>(p);
  const uint64_t from = round_down(at, kPageSize) - kPageSize, to = round_up(at + size, kPageSize) + kPageSize;
  return {reinterpret_cast<char*>(from), to - from};
}

void* MappedBlocks::alloc_guarded(size_t size, size_t align) {
  const size_t inner = round_up(size, kPageSize);
  if (should_fail(FaultPoint::Mapped, kNoGfp, inner) || !charge(inner)) return nullptr;
  auto* from = static_cast<char*>(kmem_port_map(inner + 2 * kPageSize, kPageSize));
  if (!from) return uncharge(inner), nullptr;
  char* const end = from + kPageSize + inner;
  char* const p = from + kPageSize + round_down(inner - size, align);
  if (kmem_port_guard(from, kPageSize) && kmem_port_guard(end, kPageSize) && insert(p, size | kGuarded)) {
    fill(from + kPageSize, p);
    fill(p + size, end);
    if (const uint32_t n = nr_guarded_.fetch_add(1); n < kMostKnown) known_[n].store(reinterpret_cast<uint64_t>(p));
    return p;
  }
  kmem_port_unmap(from, inner + 2 * kPageSize);
  uncharge(inner);
  return nullptr;
}

void MappedBlocks::fill(char* from, char* to) const {
  for (; from < to; ++from) *from = static_cast<char>(pattern::red_byte(pattern::kRedActive, key_, from));
}

bool MappedBlocks::check_bytes(char* p, size_t size, char* from, char* to) {
  for (char* at = from; at < to; ++at) {
    const uint8_t want = pattern::red_byte(pattern::kRedActive, key_, at), got = static_cast<uint8_t>(*at);
    if (got == want) continue;
    static RateLimit limit;
    bug_report_limited(limit, Trouble::Bug, "write %s %p, a block of %zu bytes: byte %lld is 0x%02x instead of 0x%02x",
                       at < p ? "in front of" : "past the end of", static_cast<void*>(p), size,
                       static_cast<long long>(at - p), got, want);
    fill(from, to);
    return false;
  }
  return true;
}

bool MappedBlocks::check_around(char* p, size_t size) {
  const Range range = range_of(p, size);
  const bool front = check_bytes(p, size, range.from + kPageSize, p);
  return check_bytes(p, size, p + size, range.from + range.bytes - kPageSize) && front;
}

void MappedBlocks::free_guarded(void* p, size_t size) {
  check_around(static_cast<char*>(p), size);
  nr_.sub();
  bytes_.sub(size);
  const Range range = range_of(p, size);
  kmem_port_guard(range.from, range.bytes);
  uncharge(range.bytes - 2 * kPageSize);
  auto* oldest = reinterpret_cast<void*>(held_[next_held_.fetch_add(1) % kMostHeld].exchange(reinterpret_cast<uint64_t>(p)));
  Entry* entry = oldest ? find(oldest) : nullptr;
  if (!entry) return;
  const Range gone = range_of(oldest, entry->bytes.load() & kBytes);
  entry->key.store(kGone);
  kmem_port_unmap(gone.from, gone.bytes);
}

uint64_t MappedBlocks::validate(const Entry* entry) {
  const uint64_t key = entry ? entry->key.load() : 0, word = entry ? entry->bytes.load() : 0;
  return key > kGone && (word & kGuarded) && !(word & kHeld) && !check_around(reinterpret_cast<char*>(key), word & kBytes);
}

uint64_t MappedBlocks::validate() {
  const uint32_t n = nr_guarded_.load();
  uint64_t faults = 0;
  for (uint32_t i = 0; n <= kMostKnown && i < n; ++i) faults += validate(find(reinterpret_cast<void*>(known_[i].load())));
  for (uint32_t i = 0; n > kMostKnown && i < kEntries; ++i) faults += validate(&table_[i]);
  return faults;
}

void* MappedBlocks::resize(void* p, size_t size) {
  const size_t bytes = round_up(size, kPageSize);
  if (is_guarded(p)) return nullptr;
  const Entry* entry = find(p);
  const uint64_t word = entry ? entry->bytes.load() : 0;
  size_t old = word & kBytes;
  const size_t more = bytes > old ? bytes - old : 0;
  if (should_fail(FaultPoint::Mapped, kNoGfp, bytes) || !charge(more)) return nullptr;
  if (!erase(p, old)) return uncharge(more), nullptr;
  check_slack(static_cast<const char*>(p), word);
  void* moved = kmem_port_remap(p, old, bytes, true);
  if (moved) memset(static_cast<char*>(moved) + size, 0, bytes - size);
  insert(moved ? moved : p, moved ? bytes | (bytes - size) << kSlackShift : word);
  uncharge(moved ? old + more - bytes : more);
  return moved;
}

Fault MappedBlocks::check() const {
  uint64_t nr = 0, sum = 0;
  for (uint32_t i = 0; i < kEntries; ++i) {
    const uint64_t key = table_[i].key.peek();
    if (key <= kGone) continue;
    if (find(reinterpret_cast<const void*>(key)) != &table_[i])
      return {"L1 a key is found from its home place without crossing an empty one", key};
    if (table_[i].bytes.peek() & kHeld) continue;
    ++nr;
    sum += table_[i].bytes.peek() & kBytes;
  }
  if (nr != nr_.value()) return {"L2 nr is the number of keys in the table", 0, nr, nr_.value()};
  if (sum != bytes_.value()) return {"L2 bytes is the sum over the table", 0, sum, bytes_.value()};
  return {};
}

}  // namespace kmem
