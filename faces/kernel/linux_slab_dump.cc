// Describes an object of a cache in words.

#include <linux/slab.h>

#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::Block;
using kmem::BlockKind;
using kmem::Report;

Block block_at(const void* object) {
  return ZERO_OR_NULL_PTR(object) || !kmem::boot() ? Block{} : kmem::system().heap.classify(object);
}

void say_owners(Report& report, const kmem::Cache& cache, const char* start) {
  if (const kmem::Owner* owner = cache.checked().debug().owner(start, kmem::OwnerCall::Alloc))
    owner->print(report, "Allocated");
  if (const kmem::Owner* owner = cache.checked().debug().owner(start, kmem::OwnerCall::Free)) owner->print(report, "Freed");
}

bool say_object(const void* object) {
  const Block block = block_at(object);
  if (!block.cache) return false;
  const bool inside = block.kind == BlockKind::Inside;
  const auto* start = static_cast<const char*>(inside ? block.cache->slabs().frames().object_around(object) : object);
  Report report;
  report.line("%p: slab %s start %p pointer offset %zu size %u", object, block.cache->name(), static_cast<const void*>(start),
              static_cast<size_t>(static_cast<const char*>(object) - start), block.cache->object_size());
  if (block.kind != BlockKind::Guarded) say_owners(report, *block.cache, start);
  return true;
}

}  // namespace

extern "C" {

bool kmem_valid_obj(void* object) noexcept { return block_at(object).cache != nullptr; }

bool kmem_dump_obj(void* object) noexcept { return say_object(object); }

}  // extern "C"
