// inb(), outb() and related functions, and the owners of ports.

#include <linux/device.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include <kmem/simulated.h>

#include "port/ports.h"
#include "print/mistakes.h"
#include "sync/quiet_lock.h"

namespace {

using namespace kmem_driver;

/// A device's ports, or a driver's claim on some.
struct Ports {
  Ports* next;
  unsigned long first, n;
  const kmem_device_ops* ops;
  void* device;
  resource claimed;
};

/// Ranges of ports that do not overlap.
class Table {
 public:
  bool add(Ports* ports) {
    Quietly hold(lock_);
    for (const Ports* p = first_; p; p = p->next)
      if (p->first < ports->first + ports->n && ports->first < p->first + p->n) return false;
    ports->next = first_;
    first_ = ports;
    return true;
  }
  Ports* remove(unsigned long first) {
    Quietly hold(lock_);
    Ports** at = &first_;
    while (*at && (*at)->first != first) at = &(*at)->next;
    Ports* found = *at;
    if (found) *at = found->next;
    return found;
  }
  /// A copy of the entry that contains the range; without operations if there is none.
  Ports having(unsigned long port, unsigned long n) {
    Quietly hold(lock_);
    for (const Ports* p = first_; p; p = p->next)
      if (port >= p->first && port + n <= p->first + p->n) return *p;
    return {};
  }

 private:
  QuietLock lock_;
  Ports* first_ = nullptr;
};
constinit Table devices, claims;

Ports* new_ports(unsigned long first, unsigned long n) {
  if (!n || first >= kNrPorts || n > kNrPorts - first) return nullptr;
  auto* p = static_cast<Ports*>(kzalloc(sizeof(Ports), GFP_KERNEL));
  if (!p) return nullptr;
  p->first = first;
  p->n = n;
  return p;
}

template <typename T>
T in(unsigned long port) {
  const Ports at = devices.having(port, sizeof(T));
  if (!at.ops || !at.ops->read) return static_cast<T>(~T{0});
  return static_cast<T>(at.ops->read(at.device, port - at.first, sizeof(T)));
}
template <typename T>
void out(T value, unsigned long port) {
  const Ports at = devices.having(port, sizeof(T));
  if (at.ops && at.ops->write) at.ops->write(at.device, port - at.first, sizeof(T), value);
}
template <typename T>
void in_all(unsigned long port, void* to, unsigned long n) {
  for (auto* t = static_cast<T*>(to); n--; ++t) *t = in<T>(port);
}
template <typename T>
void out_all(unsigned long port, const void* from, unsigned long n) {
  for (auto* f = static_cast<const T*>(from); n--; ++f) out<T>(*f, port);
}

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

extern "C" {

unsigned char inb(unsigned long port) noexcept { return in<u8>(port); }
unsigned short inw(unsigned long port) noexcept { return in<u16>(port); }
unsigned int inl(unsigned long port) noexcept { return in<u32>(port); }
void outb(unsigned char value, unsigned long port) noexcept { out<u8>(value, port); }
void outw(unsigned short value, unsigned long port) noexcept { out<u16>(value, port); }
void outl(unsigned int value, unsigned long port) noexcept { out<u32>(value, port); }
void insb(unsigned long port, void* to, unsigned long n) noexcept { in_all<u8>(port, to, n); }
void insw(unsigned long port, void* to, unsigned long n) noexcept { in_all<u16>(port, to, n); }
void insl(unsigned long port, void* to, unsigned long n) noexcept { in_all<u32>(port, to, n); }
void outsb(unsigned long port, const void* from, unsigned long n) noexcept { out_all<u8>(port, from, n); }
void outsw(unsigned long port, const void* from, unsigned long n) noexcept { out_all<u16>(port, from, n); }
void outsl(unsigned long port, const void* from, unsigned long n) noexcept { out_all<u32>(port, from, n); }

void* ioport_map(unsigned long port, unsigned n) noexcept {
  return devices.having(port, n).ops ? ioremap(kPortSpace + port, n) : nullptr;
}
void ioport_unmap(void* address) noexcept { iounmap(address); }

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

int kmem_register_simulated_ports(const char* name, unsigned long first, unsigned long n, const kmem_device_ops* ops,
                                  void* device) noexcept {
  Ports* p = ops ? new_ports(first, n) : nullptr;
  if (!p) return -EINVAL;
  p->ops = ops;
  p->device = device;
  int error = devices.add(p) ? 0 : -EBUSY;
  if (!error && (error = kmem_register_simulated_device(name, kPortSpace + first, n, ops, device))) devices.remove(first);
  if (error) kfree(p);
  return error;
}
int kmem_unregister_simulated_ports(unsigned long first) noexcept {
  if (const int error = kmem_unregister_device(kPortSpace + first)) return error;
  kfree(devices.remove(first));
  return 0;
}

}  // extern "C"
