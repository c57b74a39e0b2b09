#pragma once
// Objects of the mirrored heap, for the questions.  All of it runs within Looker::part().

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "system/system.h"

namespace kmem::tool {

enum class State { Out, Free, Cached, Held };
const char* name_of(State state);

/// Objects that are out of their slabs, and nobody's: those in sheaves and barns, of one cache.
using Cached = std::unordered_set<uint64_t>;
Cached cached_of(const Cache& cache);

State state_of(const Cache& cache, const Slab& slab, uint32_t index, const char* object, const Cached& cached);

/// Where a slab begins, and which object of it an address lies in.
struct Place {
  Cache* cache = nullptr;
  Slab* slab = nullptr;
  Pfn first;
  uint32_t index = 0;
  bool in_object = false;  // else in the bytes before the first
};
Place place_of(uint64_t address);

/// The cache of a number from memory that may be damaged; null where there is none.
Cache* cache_of(uint32_t id);
Cache* cache_named(const std::string& name);
std::string name_of(const Cache& cache);

/// Calls visit(cache, first frame, slab) for each slab, of one cache or of all.
template <typename Visit>
void each_slab(const Cache* of, Visit visit) {
  System& s = system();
  for (Pfn pfn{0}; pfn.value < s.pages.frames_end();) {
    if (pfn.value % kBlockFrames == 0 && !s.pages.is_online(pfn)) {
      pfn = pfn + kBlockFrames;
      continue;
    }
    Page* page = s.pages.page_at(pfn);
    Cache* cache =
        s.world.frame_class[pfn.value] && page->kind() == PageKind::Slab ? cache_of(Slab::of(page).cache_id()) : nullptr;
    if (!cache) {
      pfn = pfn + 1;
      continue;
    }
    if (!of || cache == of) visit(*cache, Slab::of(page));
    pfn = pfn + cache->slabs().shape().order.pages();
  }
}

/// {"when": ns, "age": ns, "cpu", "task", "callers": [addresses]}; null where nobody keeps account.
nlohmann::json owner_json(const Owner* owner);

/// All that is known of an address.
nlohmann::json describe(uint64_t address);

}  // namespace kmem::tool
