// The owners of I/O ports, and of memory.

#include <linux/device.h>
#include <linux/errno.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "port/table.h"
#include "print/mistakes.h"

namespace {

using namespace kmem_driver;

constinit PortTable claims;

struct Noted {
  resource_size_t first, n;
};
void release_ports(device*, void* block) {
  const auto* noted = static_cast<Noted*>(block);
  release_region(noted->first, noted->n);
}
void release_memory(device*, void* block) {
  const auto* noted = static_cast<Noted*>(block);
  release_mem_region(noted->first, noted->n);
}
resource* note(device* dev, dr_release_t release, Noted what,
               resource* (*request)(resource_size_t, resource_size_t, const char*), const char* name) {
  auto* noted = static_cast<Noted*>(devres_alloc(release, sizeof(Noted), GFP_KERNEL));
  resource* claimed = noted ? request(what.first, what.n, name) : nullptr;
  if (!claimed) return devres_free(noted), nullptr;
  *noted = what;
  devres_add(dev, noted);
  return claimed;
}

}  // namespace

namespace kmem_driver {

Ports* new_ports(unsigned long first, unsigned long n) {
  if (!n || first >= kNrPorts || n > kNrPorts - first) return nullptr;
  auto* p = static_cast<Ports*>(kzalloc(sizeof(Ports), GFP_KERNEL));
  if (!p) return nullptr;
  p->first = first;
  p->n = n;
  return p;
}

}  // namespace kmem_driver

extern "C" {

resource* request_region(resource_size_t first, resource_size_t n, const char* name) noexcept {
  might_sleep();
  Ports* claim = new_ports(first, n);
  if (!claim) return nullptr;
  claim->claimed = {first, first + n - 1, name, IORESOURCE_IO | IORESOURCE_BUSY};
  if (claims.add(claim)) return &claim->claimed;
  kfree(claim);
  return nullptr;
}
void release_region(resource_size_t first, resource_size_t n) noexcept {
  Ports* claim = claims.remove(first);
  if (claim && claim->n == n) return kfree(claim);
  if (claim) claims.add(claim);
  kmem_driver::count_mistake();
  pr_warn("Trying to free nonexistent resource <%016llx-%016llx>\n", static_cast<unsigned long long>(first),
          static_cast<unsigned long long>(first + n - 1));
}
resource* devm_request_region(device* dev, resource_size_t first, resource_size_t n, const char* name) noexcept {
  return note(dev, release_ports, {first, n}, request_region, name);
}
resource* devm_request_mem_region(device* dev, resource_size_t first, resource_size_t n, const char* name) noexcept {
  return note(dev, release_memory, {first, n}, request_mem_region, name);
}

}  // extern "C"
