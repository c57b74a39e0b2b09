// What the core's own system.cc and percpu_world.cc define for a process that has a kmem, defined for one that
// looks at another's: the same functions, over objects that lie elsewhere.

#include "own_core.h"

#include <cstring>

#include "../ports/linux/linux_port.h"
#include "base/attributes.h"
#include "port/port.h"
#include "system/percpu_world.h"
#include "system/system.h"

extern "C" {
extern uint32_t kmem_areas_used;
extern KMEM_HIDDEN const uint64_t* const kmem_percpu_own_distances;
}

namespace kmem {
namespace {

System* target_system = nullptr;
PercpuWorld* target_percpu = nullptr;

template <typename T>
T* at(const void* where) {
  return static_cast<T*>(const_cast<void*>(where));
}

}  // namespace

System& system() { return *target_system; }
PercpuWorld& percpu() { return *target_percpu; }

bool boot() { return target_system != nullptr; }
bool is_up() { return target_system != nullptr; }
bool is_pinned() { return false; }
void end_pinning() {}

namespace tool {

void adopt(const KmemPlace& place) {
  target_system = at<System>(place.table.system);
  target_percpu = at<PercpuWorld>(place.table.percpu);
  kmem_base = target_system->machine.base;
  linux_port::nr_cpus = target_system->machine.nr_cpus;
  linux_port::host_page = target_system->machine.host_page_bytes;
  kmem_areas_used = *reinterpret_cast<const uint32_t*>(place.areas_used);
  if (kmem_areas_used > kMaxAreas) kmem_areas_used = kMaxAreas;
  const uint64_t* distances = *static_cast<const uint64_t* const*>(place.table.distances);
  std::memcpy(const_cast<uint64_t*>(kmem_percpu_own_distances), distances, kMaxCpus * sizeof *distances);
}

}  // namespace tool
}  // namespace kmem
