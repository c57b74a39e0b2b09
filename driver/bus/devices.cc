// The list of devices.

#include "bus/devices.h"

#include "sync/quiet_lock.h"

namespace kmem_driver {
namespace {

constinit QuietLock lock;
constinit device* first = nullptr;
constinit device** end = &first;
constinit u64 last_number = 0;

bool has(const device* dev, const Having& h) {
  return (!h.bus || dev->bus == h.bus) && (!h.of || dev->class_ == h.of) && (!h.parent || dev->parent == h.parent) &&
         (!h.driver || dev->driver == h.driver);
}

}  // namespace

void note_device(device* dev) {
  Quietly hold(lock);
  dev->kmem_number = ++last_number;
  dev->kmem_next_known = nullptr;
  *end = dev;
  end = &dev->kmem_next_known;
}

void forget_device(device* dev) {
  Quietly hold(lock);
  device** at = &first;
  while (*at && *at != dev) at = &(*at)->kmem_next_known;
  if (!*at) return;
  *at = dev->kmem_next_known;
  if (end == &dev->kmem_next_known) end = at;
}

device* next_device(const Having& having, u64* number) {
  Quietly hold(lock);
  for (device* dev = first; dev; dev = dev->kmem_next_known) {
    if (dev->kmem_number <= *number || !has(dev, having)) continue;
    *number = dev->kmem_number;
    return get_device(dev);
  }
  return nullptr;
}

}  // namespace kmem_driver
