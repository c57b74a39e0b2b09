// inb(), outb() and related functions: simulated devices' ports.

#include <linux/errno.h>
#include <linux/io.h>
#include <linux/slab.h>

#include <kmem/simulated.h>

#include "port/ports.h"

namespace {

using namespace kmem_driver;

constinit PortTable devices;

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
