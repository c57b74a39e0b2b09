#include "pool/poison.h"

#include "base/memory.h"
#include "pool/mempool.h"
#include "slab/cache.h"
#include "watch/report.h"

namespace kmem {
namespace {

// The kernel's patterns.
constexpr unsigned char kFree = 0x6b, kEnd = 0xa5;

}  // namespace

bool is_hardened(const Mempool& pool) { return pool.cache() && pool.cache()->checked().is_hardened(); }

void end_element_report(const Mempool& pool) { is_hardened(pool) ? after_fatal_report() : after_report(); }

void poison(const PoolWorld& world, const Mempool& pool, void* element) {
  // It stays out of its cache, which will not look at what the user wrote behind it.
  if (is_hardened(pool))
    pool.cache()->checked().debug().check_out(static_cast<char*>(element), "when it was freed to its mempool");
  unsigned char* memory;
  const size_t bytes = world.poisonable(pool, element, memory);
  if (!bytes) return;
  memset(memory, kFree, bytes - 1);
  memory[bytes - 1] = kEnd;
}

void check_poison(const PoolWorld& world, const Mempool& pool, void* element) {
  unsigned char* memory;
  const size_t bytes = world.poisonable(pool, element, memory);
  size_t at = 0;
  while (at < bytes && memory[at] == (at + 1 < bytes ? kFree : kEnd)) ++at;
  if (at >= bytes) return;
  constexpr size_t kAround = 8;
  const size_t start = at > kAround ? at - kAround : 0, end = at + kAround < bytes ? at + kAround : bytes;
  char shown[4 * kAround * 2 + 1];
  Text text(Span<char>(shown, sizeof shown));
  for (size_t i = start; i < end; ++i) text.hex(memory[i]).put(' ');
  begin_bug_report(Trouble::Bug, "mempool element poison mismatch\nMempool %p size %zu\n nr=%d @ %p: %s0x%s%s",
                   static_cast<const void*>(&pool), bytes, static_cast<int>(pool.nr_reserved()), element, start ? "... " : "",
                   shown, end < bytes ? "..." : "");
  end_element_report(pool);
}

}  // namespace kmem
