#include "system/look_table.h"

#include "system/boot_claim.h"
#include "system/look_shape.h"
#include "system/percpu_world.h"
#include "system/system.h"
#include "watch/profile.h"

extern "C" KMEM_HIDDEN const uint64_t* const kmem_percpu_own_distances;
/// Defined by faces/kernel; null if that is not linked in.
extern "C" [[gnu::weak]] KMEM_HIDDEN char kmem_leak_marks;

namespace kmem {
namespace {

constexpr LookTable table() {
  LookTable t = look_shape(KMEM_VERSION);
  t.system = &the_system;
  t.percpu = &the_percpu;
  t.claim = &boot_claim;
  t.distances = &kmem_percpu_own_distances;
  t.serves_malloc = &kmem_serves_malloc;
  t.leak_marks = &kmem_leak_marks;
  t.profile = &kmem_profile.world;
  return t;
}

}  // namespace
}  // namespace kmem

constinit const kmem::LookTable kmem_look_table = kmem::table();
