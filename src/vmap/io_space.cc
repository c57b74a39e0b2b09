#include "vmap/io_space.h"

#include "base/bits.h"
#include "base/memory.h"
#include "port/port.h"

namespace kmem {
namespace {

constexpr unsigned long kBusyMemory = 0x80000200;  // IORESOURCE_MEM | IORESOURCE_BUSY

bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes) { return a < b + b_bytes && b < a + a_bytes; }

template <size_t N>
void copy_name(char (&to)[N], const char* from) {
  Text text{Span<char>(to)};
  text.put(from);
}

}  // namespace

const char* text_of(IoFault fault) {
  switch (fault) {
    case IoFault::None: return "nothing is wrong";
    case IoFault::Size: return "the size is 0, or the end is beyond all addresses";
    case IoFault::Ram: return "there is memory of kmem's; nothing of it is a device's";
    case IoFault::Unknown: return "no device is known there";
    case IoFault::Overlap: return "it overlaps a device that is known already";
    case IoFault::Beyond: return "it goes beyond the end of the device";
    case IoFault::Unaligned: return "the file's offset and the physical address differ within a page";
    case IoFault::Bound: return "a driver of the host has it, and reading its registers may act";
    case IoFault::Host: return "the host does not map it";
    case IoFault::Full: return "there is no more room for devices, or in the window";
    case IoFault::InUse: return "it is mapped";
    case IoFault::Context: return "somebody else is at it, and the caller must not wait";
  }
  return "";
}

/// False: it is held, and the caller must not wait.
bool IoSpace::lock() {
  if (!lock_.lock(Wait::Allowed)) return false;
  forget_unused();
  return true;
}

// Devices --------------------------------------------------------------------------------------------------------------

void IoSpace::set_sysfs(const char* root) {
  if (!lock()) return;
  copy_name(sysfs_, root);
  lock_.unlock();
}

IoDevice* IoSpace::find(uint64_t phys) {
  for (IoDevice& device : devices_)
    if (device.state.load() == Live && phys - device.phys < device.bytes) return &device;
  return nullptr;
}

IoFault IoSpace::look(uint64_t phys, uint64_t bytes) const {
  if (!bytes || phys + bytes < phys) return IoFault::Size;
  for (unsigned i = 0; i < pages_->nr_zones(); ++i) {
    const Zone& zone = pages_->zone(i);
    if (overlap(phys, bytes, zone.first().value << kPageShift, zone.nr_frames() << kPageShift)) return IoFault::Ram;
  }
  for (const IoDevice& device : devices_)
    if (device.state.load() == Live && overlap(phys, bytes, device.phys, device.bytes)) return IoFault::Overlap;
  return IoFault::None;
}

IoDevice* IoSpace::make(const char* name, uint64_t phys, uint64_t bytes, IoFault& fault) {
  fault = look(phys, bytes);
  if (fault != IoFault::None) return nullptr;
  for (IoDevice& device : devices_) {
    uint32_t unused = Unused;
    if (!device.state.compare_exchange(unused, Making)) continue;
    device.phys = phys;
    device.bytes = bytes;
    device.file = -1;
    device.offset = 0;
    device.ops = nullptr;
    device.arg = nullptr;
    device.found = device.combining = false;
    device.nr_mapped.store(0);
    copy_name(device.name, name);
    return &device;
  }
  fault = IoFault::Full;
  return nullptr;
}

IoFault IoSpace::add_locked(const IoDevice& wish) {
  IoFault fault;
  IoDevice* device = make(wish.name, wish.phys, wish.bytes, fault);
  if (!device) return fault;
  device->file = wish.file;
  device->offset = wish.offset;
  device->ops = wish.ops;
  device->arg = wish.arg;
  device->state.store(Live);
  return IoFault::None;
}

IoFault IoSpace::add(const char* name, IoDevice& wish) {
  copy_name(wish.name, name);
  if (!lock()) return IoFault::Context;
  const IoFault fault = add_locked(wish);
  lock_.unlock();
  return fault;
}

IoFault IoSpace::add_file(const char* name, uint64_t phys, uint64_t bytes, int file, uint64_t offset) {
  if ((phys ^ offset) % kPageSize) return IoFault::Unaligned;
  IoDevice wish;
  wish.phys = phys;
  wish.bytes = bytes;
  wish.offset = offset;
  wish.file = kmem_port_keep_device(file);
  if (wish.file < 0) return IoFault::Host;
  const IoFault fault = add(name, wish);
  if (fault != IoFault::None) kmem_port_close_device(wish.file);
  return fault;
}

IoFault IoSpace::add_simulated(const char* name, uint64_t phys, uint64_t bytes, const IoOps* ops, void* arg) {
  IoDevice wish;
  wish.phys = phys;
  wish.bytes = bytes;
  wish.ops = ops;
  wish.arg = arg;
  return add(name, wish);
}

void IoSpace::forget(IoDevice& device) {
  if (device.file >= 0) kmem_port_close_device(device.file);
  device.file = -1;
  device.state.store(Unused);
}

/// Devices that were found in sysfs are forgotten with their last mapping.
void IoSpace::forget_unused() {
  for (IoDevice& device : devices_)
    if (device.state.load() == Live && device.found && !device.nr_mapped.load()) forget(device);
}

IoFault IoSpace::remove_locked(uint64_t phys) {
  IoDevice* device = find(phys);
  if (!device || device->phys != phys) return IoFault::Unknown;
  if (device->nr_mapped.load()) return IoFault::InUse;
  forget(*device);
  return IoFault::None;
}

IoFault IoSpace::remove(uint64_t phys) {
  if (!lock()) return IoFault::Context;
  const IoFault fault = remove_locked(phys);
  lock_.unlock();
  return fault;
}

IoDevice* IoSpace::find_in_sysfs(uint64_t phys, uint64_t bytes, IoWrites writes, IoFault& fault, Text& who) {
  HostDevice host;
  fault = IoFault::Unknown;
  if (!sysfs_[0] || !kmem_port_find_device(sysfs_, phys, writes, &host)) return nullptr;
  who.put(host.name);
  if (host.driver[0]) {
    who.put(", driver ").put(host.driver);
    fault = IoFault::Bound;
    return nullptr;
  }
  fault = phys + bytes > host.phys + host.bytes ? IoFault::Beyond : IoFault::None;
  if (fault != IoFault::None) return nullptr;
  IoDevice* device = make(host.name, host.phys, host.bytes, fault);
  if (!device) return nullptr;
  device->file = kmem_port_open_device(&host);
  device->offset = host.offset;
  device->found = true;
  device->combining = host.combining;
  if (device->file >= 0) {
    device->state.store(Live);
    return device;
  }
  if (host.problem[0]) who.put(", ").put(host.problem);
  fault = IoFault::Host;
  device->state.store(Unused);
  return nullptr;
}

// Mapping --------------------------------------------------------------------------------------------------------------

void* IoSpace::show(IoDevice& device, uint64_t phys, uint64_t bytes, const void* caller, IoFault& fault) {
  Window& window = vmap_->window();
  const uint64_t unit = uint64_t{window.unit_pages()} << kPageShift;
  const uint64_t from = round_down(phys, unit), in_page = phys - from;
  VmArea* area = window.reserve({.kind = AreaKind::Ioremap, .bytes = in_page + bytes, .caller = caller});
  if (!area) {
    fault = IoFault::Full;
    return nullptr;
  }
  char* at = window.address(area);
  const uint64_t mapped = round_up(in_page + bytes, unit);
  // A device that begins within a page begins at the same offset in a page of its file.
  const uint64_t offset = device.offset + (phys - device.phys) - in_page;
  if (device.file >= 0 && !kmem_port_window_device(at, device.file, offset, mapped)) {
    fault = IoFault::Host;
    vmap_->put_addresses_back(area);
    return nullptr;
  }
  area->phys = phys;
  area->bytes = bytes;
  __atomic_store_n(&area->owner, &device, __ATOMIC_RELEASE);
  window.publish(area);
  return at + in_page;
}

void* IoSpace::map_locked(uint64_t phys, uint64_t bytes, IoWrites writes, const void* caller, IoFault& fault, Text& who) {
  IoDevice* device = find(phys);
  if (!device) {
    fault = look(phys, bytes);
    if (fault == IoFault::None) device = find_in_sysfs(phys, bytes, writes, fault, who);
    if (!device) return nullptr;
  } else {
    who.put(device->name);
  }
  fault = phys + bytes > device->phys + device->bytes ? IoFault::Beyond : IoFault::None;
  if (fault != IoFault::None) return nullptr;
  device->nr_mapped.fetch_add(1);
  void* p = show(*device, phys, bytes, caller, fault);
  if (!p && device->nr_mapped.fetch_sub(1) == 1) forget_unused();
  return p;
}

void* IoSpace::map(uint64_t phys, uint64_t bytes, IoWrites writes, const void* caller, IoFault& fault, Text& who) {
  fault = bytes && phys + bytes > phys ? IoFault::Context : IoFault::Size;
  if (fault == IoFault::Size) return nullptr;
  if (!lock()) return nullptr;
  void* p = map_locked(phys, bytes, writes, caller, fault, who);
  lock_.unlock();
  return p;
}

AreaFault IoSpace::unmap(const volatile void* p) {
  Window& window = vmap_->window();
  const void* plain = const_cast<const void*>(p);
  if (!window.start() || !window.contains(plain)) return AreaFault::Foreign;
  VmArea* area = window.at(plain);
  if (!area || area->is() != AreaState::Live) return AreaFault::Freed;
  if (area->kind != AreaKind::Ioremap || !area->owner) return AreaFault::Kind;
  const uint64_t unit = uint64_t{window.unit_pages()} << kPageShift;
  if (window.address(area) + area->phys % unit != plain) return AreaFault::Inside;
  if (!window.withdraw(area)) return AreaFault::Freed;
  auto& device = *static_cast<IoDevice*>(area->owner);
  if (!kmem_port_window_close(window.address(area), uint64_t{area->span} << kPageShift)) {
    window.publish(area);  // the next area must not get a device's memory
    return AreaFault::Host;
  }
  __atomic_store_n(&area->owner, nullptr, __ATOMIC_RELAXED);
  vmap_->put_addresses_back(area);
  // Taking the lock forgets devices without mappings.
  if (device.nr_mapped.fetch_sub(1) == 1 && lock()) lock_.unlock();
  return AreaFault::None;
}

IoTarget IoSpace::target(const volatile void* p) const {
  const Window& window = vmap_->window();
  const auto* at = static_cast<const char*>(const_cast<const void*>(p));
  if (!window.start() || !window.contains(at)) return {};
  const VmArea* area = window.find(at);
  if (!area) return {.gone = true};
  if (area->kind != AreaKind::Ioremap) return {};
  const auto* device = static_cast<const IoDevice*>(__atomic_load_n(&area->owner, __ATOMIC_ACQUIRE));
  if (!device || !device->ops) return {};
  const uint64_t unit = uint64_t{window.unit_pages()} << kPageShift;
  const uint64_t offset = round_down(area->phys, unit) - device->phys + static_cast<uint64_t>(at - window.address(area));
  return offset < device->bytes ? IoTarget{device, offset, false} : IoTarget{};
}

// Regions --------------------------------------------------------------------------------------------------------------

IoSpace::Region* IoSpace::claim(uint64_t start, uint64_t bytes, const char* name) {
  if (!bytes || start + bytes < start) return nullptr;
  if (!lock()) return nullptr;
  Region* region = claim_locked(start, bytes, name);
  lock_.unlock();
  return region;
}

IoSpace::Region* IoSpace::claim_locked(uint64_t start, uint64_t bytes, const char* name) {
  for (const Region& region : regions_)
    if (region.used.load() == Live && overlap(start, bytes, region.start, region.bytes)) return nullptr;
  for (Region& region : regions_) {
    uint32_t unused = Unused;
    if (!region.used.compare_exchange(unused, Making)) continue;
    region.start = start;
    region.last = start + bytes - 1;
    region.bytes = bytes;
    region.flags = kBusyMemory;
    copy_name(region.name, name ? name : "");
    region.label = region.name;
    region.used.store(Live);
    return &region;
  }
  return nullptr;
}

bool IoSpace::release(uint64_t start, uint64_t bytes) {
  for (Region& region : regions_) {
    uint32_t live = Live;
    if (region.start == start && region.bytes == bytes && region.used.compare_exchange(live, Unused)) return true;
  }
  return false;
}

void IoSpace::put_iomem(Text& out) const {
  const auto put = [&](const char* indent, uint64_t start, uint64_t bytes, const char* name) {
    out.printf("%s%08jx-%08jx : %s\n", indent, start, start + bytes - 1, name);
  };
  const auto put_regions = [&](const char* indent, uint64_t from, uint64_t bytes, bool inside) {
    for (const Region& region : regions_)
      if (region.used.load() == Live && (region.start - from < bytes) == inside)
        put(indent, region.start, region.bytes, region.name);
  };
  uint64_t last = 0;
  for (;;) {  // by address
    const IoDevice* next = nullptr;
    for (const IoDevice& device : devices_)
      if (device.state.load() == Live && device.phys >= last && (!next || device.phys < next->phys)) next = &device;
    if (!next) break;
    put("", next->phys, next->bytes, next->name);
    put_regions("  ", next->phys, next->bytes, true);
    last = next->phys + next->bytes;
  }
  for (const Region& region : regions_) {
    bool inside = false;
    for (const IoDevice& device : devices_) inside |= device.state.load() == Live && region.start - device.phys < device.bytes;
    if (region.used.load() == Live && !inside) put("", region.start, region.bytes, region.name);
  }
}

uint32_t IoSpace::count_mappings(const IoDevice& device) const {
  uint32_t nr = 0;
  uint64_t page = 0;
  while (const VmArea* area = vmap_->window().next(page)) {
    nr += area->kind == AreaKind::Ioremap && area->is() == AreaState::Live && area->owner == &device;
    page += area->span;
  }
  return nr;
}

/// At the fork another thread of the parent may have been unmapping, or the forking handler interrupted the holder of the lock.
void IoSpace::after_fork_in_child() {
  (void)lock_.free_in_child();  // the loops below repair a half-done change
  for (IoDevice& device : devices_) {
    if (device.state.peek() == Making) device.state.poke(Unused);
    if (device.state.peek() == Live && device.nr_mapped.peek()) device.nr_mapped.poke(count_mappings(device));
  }
  for (Region& region : regions_)
    if (region.used.peek() == Making) region.used.poke(Unused);
}

Fault IoSpace::check() const {
  for (const IoDevice& device : devices_) {
    if (device.state.peek() != Live) continue;
    for (const IoDevice& other : devices_)
      if (&other != &device && other.state.peek() == Live && overlap(device.phys, device.bytes, other.phys, other.bytes))
        return {"I1 no two live devices overlap", device.phys, device.bytes, other.phys};
    const uint32_t nr = count_mappings(device);
    if (nr != device.nr_mapped.peek())
      return {"I2 a device has as many mappings as there are areas that name it", device.phys, nr, device.nr_mapped.peek()};
  }
  for (const Region& region : regions_)
    for (const Region& other : regions_)
      if (&other != &region && region.used.peek() == Live && other.used.peek() == Live &&
          overlap(region.start, region.bytes, other.start, other.bytes))
        return {"I3 no two claimed regions overlap", region.start, region.bytes, other.start};
  return {};
}

}  // namespace kmem
