#pragma once
// The list of devices, in the order in which they were added, and functions to bind them to drivers.

#include <linux/device.h>
#include <linux/kobject.h>

namespace kmem_driver {

/// A filter for devices; null: any.
struct Having {
  const bus_type* bus = nullptr;
  const device_class* of = nullptr;
  const device* parent = nullptr;
  const device_driver* driver = nullptr;
};

/// Adds the device to the list, until forget_device().
void note_device(device* dev);
void forget_device(device* dev);
/// The first device with a higher number, with a reference; *number becomes its number. Null at the end.
device* next_device(const Having& having, u64* number);

/// Calls visit() for each device after `start` until it returns other than 0. Devices may be added and removed meanwhile.
template <typename Visit>
int for_each_device(const Having& having, const device* start, Visit visit) {
  u64 number = start ? start->kmem_number : 0;
  while (device* dev = next_device(having, &number)) {
    const int answer = visit(dev);
    put_device(dev);
    if (answer) return answer;
  }
  return 0;
}
/// The first device for which match() returns other than 0, with a reference.
template <typename Match>
device* find_device(const Having& having, const device* start, Match match) {
  device* found = nullptr;
  for_each_device(having, start, [&](device* dev) { return match(dev) ? (found = get_device(dev), 1) : 0; });
  return found;
}

/// The first driver of the bus with a higher number; *number becomes its number; null at the end. The driver stays valid while
/// the caller holds the lock of a device of that bus.
device_driver* next_driver(const bus_type* bus, u64* number);

/// Called when a device with a bus was added, or is being removed.
void device_came(device* dev);
void device_goes(device* dev);

/// Registers a bus of ours with its first use; false if there is no memory.
bool bus_is_there(bus_type& bus, const attribute_group** dev_groups);

/// Notifies the bus's listeners of an event of the device.
void announce(device* dev, kobject_action action);

/// The folder of the bus's drivers in /sys; null: the bus is not registered.
kobject* drivers_folder(const bus_type* bus);

}  // namespace kmem_driver
