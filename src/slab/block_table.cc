#include "slab/block_table.h"

#include "port/port.h"

namespace kmem {

// Addresses are multiples of 16, most of them of a page.
uint32_t BlockTable::home(uint64_t key, unsigned table) {
  return static_cast<uint32_t>((~key >> 4) * 0x9e3779b97f4a7c15u >> 32) & (size(table) - 1);
}

KMEM_INLINE BlockTable::Entry* BlockTable::find_in(unsigned table, uint64_t key) const {
  Entry* const entries = tables_[table].load();
  const uint32_t from = home(key, table);
  for (uint32_t n = 0; n < kReach; ++n) {
    Entry& entry = entries[(from + n) & (size(table) - 1)];
    const uint64_t seen = entry.key.load();
    if (seen == key) return &entry;
    if (!seen) break;
  }
  return nullptr;
}

BlockTable::Entry* BlockTable::find(const void* p) const {
  const uint64_t key = key_of(p);
  if (key <= kLeaving) return nullptr;  // these mark states of a place, and are no blocks
  for (unsigned t = 0; t < kMostTables && tables_[t].load(); ++t)
    if (Entry* entry = find_in(t, key)) return entry;
  return nullptr;
}

bool BlockTable::insert_into(unsigned table, uint64_t key, uint64_t word) {
  Entry* const entries = tables_[table].load();
  const uint32_t from = home(key, table);
  for (uint32_t n = 0; n < kReach; ++n) {
    Entry& entry = entries[(from + n) & (size(table) - 1)];
    uint64_t seen = entry.key.load();
    if (seen > kGone || !entry.key.compare_exchange(seen, key)) continue;
    entry.word.store(word);
    nr_[table].add();
    return true;
  }
  return false;
}

// If two CPUs make the same table at the same time, one of the two is used.
BlockTable::Entry* BlockTable::make_table(unsigned table) {
  if (Entry* there = tables_[table].load()) return there;
  const size_t bytes = size_t{size(table)} * sizeof(Entry);
  auto* made = static_cast<Entry*>(kmem_port_map(bytes, kPageSize));
  if (!made) return nullptr;
  Entry* seen = nullptr;
  if (tables_[table].compare_exchange(seen, made)) return made;
  kmem_port_unmap(made, bytes);
  return seen;
}

bool BlockTable::insert(const void* p, uint64_t word) {
  for (unsigned t = current_.peek(); t < kMostTables && make_table(t); ++t) {
    if (nr_[t].value() < size(t) / 2) {
      if (insert_into(t, key_of(p), word)) return true;
    } else if (current_.peek() == t) {
      current_.poke(t + 1);
    }
  }
  // No memory for a larger table: any place in the existing ones, even if they are more than half full.
  for (unsigned t = 0; t < kMostTables && tables_[t].load(); ++t)
    if (insert_into(t, key_of(p), word)) return true;
  return false;
}

unsigned BlockTable::table_of(const Entry* entry) const {
  unsigned t = 0;
  while (!tables_[t].load() || entry < tables_[t].load() || entry >= tables_[t].load() + size(t)) ++t;
  return t;
}

bool BlockTable::erase(Entry* entry, const void* p) {
  uint64_t key = key_of(p);
  if (!entry->key.compare_exchange(key, kLeaving)) return false;
  entry->word.store(0);  // so that the next block does not inherit it
  entry->key.store(kGone);
  const unsigned t = table_of(entry);
  nr_[t].sub();
  if (t < current_.peek() && nr_[t].value() < size(t) / 4) current_.poke(t);
  return true;
}

uint64_t BlockTable::nr() const {
  uint64_t sum = 0;
  for (const Counter& nr : nr_) sum += nr.value();
  return sum;
}

Fault BlockTable::check() const {
  Fault fault;
  uint64_t nr[kMostTables] = {};
  each([&](const void* p, Entry& entry) {
    ++nr[table_of(&entry)];
    if (!fault && find(p) != &entry)
      fault = {"L1 a key is found from its home place without crossing an empty one", reinterpret_cast<uint64_t>(p)};
  });
  for (unsigned t = 0; t < kMostTables && !fault; ++t)
    if (nr[t] != nr_[t].value()) fault = {"L2 the count of a table is the number of its keys", t, nr[t], nr_[t].value()};
  return fault;
}

}  // namespace kmem
