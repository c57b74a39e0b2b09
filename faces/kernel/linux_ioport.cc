// The owners of ranges of physical addresses.

#include <linux/ioport.h>

#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {
kmem::IoSpace& io() { return kmem::system().io; }
}  // namespace

static_assert(sizeof(struct resource) <= offsetof(kmem::IoSpace::Region, used));

extern "C" {

struct resource* request_mem_region(resource_size_t start, resource_size_t bytes, const char* name) noexcept {
  KMEM_MIGHT_SLEEP();
  return kmem::boot() ? reinterpret_cast<struct resource*>(io().claim(start, bytes, name)) : nullptr;
}

void release_mem_region(resource_size_t start, resource_size_t bytes) noexcept {
  if (!kmem::boot() || io().release(start, bytes)) return;
  kmem::bug_report(kmem::Trouble::Warning, "Trying to free nonexistent resource <%016llx-%016llx>",
                   static_cast<unsigned long long>(start), static_cast<unsigned long long>(start + bytes - 1));
}

}  // extern "C"
