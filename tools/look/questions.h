#pragma once
// What can be asked of a heap, each answered in the child of a look (look.h): the answers are JSON, for people to be printed by
// tools/kmem/inspect.cc.

#include <cstdint>
#include <string>

#include "look.h"

namespace kmem::tool {

/// {"object": {...}}: what an address is.
void ask_whatis(Looker& looker, uint64_t address);

/// Which objects of a cache.
struct ObjectWish {
  std::string cache;
  std::string state = "out";  // out, free, cached, held or all
  uint64_t most = 0;          // 0: all
};
/// {"cache": {...}}, then {"object": {...}} for each.
void ask_objects(Looker& looker, const ObjectWish& wish);

/// {"frame": {...}}.
void ask_frame(Looker& looker, uint64_t pfn);
/// {"percpu": {...}}, then {"chunk": {...}} for each.
void ask_percpu(Looker& looker);
/// {"pool": {...}} for each.
void ask_pools(Looker& looker);
/// {"violation": {...}} for each, {"damaged": n} and {"said": [...]}.
void ask_verify(Looker& looker, Validated what);
/// {"leak": {...}} for each, and {"totals": {...}}.
void ask_leaks(Looker& looker);
/// {"reference": {...}} for each word that leads to the block that the address lies in, and {"chain": [...]} to a root.
void ask_references(Looker& looker, uint64_t address, uint64_t most);

}  // namespace kmem::tool
