#include "slab/mapped.h"

#include "base/bits.h"
#include "watch/fault_injection.h"

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
    bytes_.add(bytes);
    peak_.raise_to(bytes_.value());
    return true;
  }
  return false;
}

bool MappedBlocks::erase(const void* p, size_t& bytes) {
  Entry* entry = find(p);
  if (!entry) return false;
  bytes = entry->bytes.load();
  uint64_t key = reinterpret_cast<uint64_t>(p);
  if (!entry->key.compare_exchange(key, kGone)) return false;  // freed twice at the same time: one of them wins
  nr_.sub();
  bytes_.sub(bytes);
  return true;
}

void* MappedBlocks::alloc(size_t bytes, size_t align) {
  bytes = round_up(bytes, kPageSize);
  if (should_fail(FaultPoint::Mapped, kNoGfp, bytes) || !charge(bytes)) return nullptr;
  void* p = kmem_port_map(bytes, align);
  if (p && insert(p, bytes)) return p;
  if (p) kmem_port_unmap(p, bytes);
  uncharge(bytes);
  return nullptr;
}

size_t MappedBlocks::size_of(const void* p) const {
  const Entry* entry = find(p);
  return entry ? entry->bytes.load() : 0;
}

bool MappedBlocks::free(void* p) {
  size_t bytes;
  if (!erase(p, bytes)) return false;
  kmem_port_unmap(p, bytes);
  uncharge(bytes);
  return true;
}

void* MappedBlocks::resize(void* p, size_t bytes) {
  bytes = round_up(bytes, kPageSize);
  size_t old = size_of(p);
  const size_t more = bytes > old ? bytes - old : 0;
  if (should_fail(FaultPoint::Mapped, kNoGfp, bytes) || !charge(more)) return nullptr;
  if (!erase(p, old)) return uncharge(more), nullptr;
  void* moved = kmem_port_remap(p, old, bytes, true);
  insert(moved ? moved : p, moved ? bytes : old);
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
    ++nr;
    sum += table_[i].bytes.peek();
  }
  if (nr != nr_.value()) return {"L2 nr is the number of keys in the table", 0, nr, nr_.value()};
  if (sum != bytes_.value()) return {"L2 bytes is the sum over the table", 0, sum, bytes_.value()};
  return {};
}

}  // namespace kmem
