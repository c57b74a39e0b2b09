#pragma once
// Ranges of I/O ports.

#include <linux/ioport.h>

#include <kmem/device.h>

#include "sync/quiet_lock.h"

namespace kmem_driver {

constexpr unsigned long kNrPorts = 1 << 16;

/// A device's ports, or a driver's claim on some.
struct Ports {
  Ports* next;
  unsigned long first, n;
  const kmem_device_ops* ops;
  void* device;
  resource claimed;
};

/// Ranges of ports that do not overlap.
class PortTable {
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

/// Null for an empty range, one beyond the last port, or no memory.
Ports* new_ports(unsigned long first, unsigned long n);

}  // namespace kmem_driver
