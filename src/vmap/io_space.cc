#include "vmap/io_space.h"

#include "base/bits.h"
#include "base/memory.h"
#include "port/port.h"

namespace kmem {
namespace {

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
  }
  return "";
}

// Devices --------------------------------------------------------------------------------------------------------------

void IoSpace::set_sysfs(const char* root) { copy_name(sysfs_, root); }

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

IoFault IoSpace::add_file(const char* name, uint64_t phys, uint64_t bytes, int file, uint64_t offset) {
  if ((phys ^ offset) % kPageSize) return IoFault::Unaligned;
  IoFault fault;
  IoDevice* device = make(name, phys, bytes, fault);
  if (!device) return fault;
  device->file = kmem_port_keep_device(file);
  device->offset = offset;
  device->state.store(device->file < 0 ? Unused : Live);
  return device->file < 0 ? IoFault::Host : IoFault::None;
}

IoFault IoSpace::add_simulated(const char* name, uint64_t phys, uint64_t bytes, const IoOps* ops, void* arg) {
  IoFault fault;
  IoDevice* device = make(name, phys, bytes, fault);
  if (!device) return fault;
  device->ops = ops;
  device->arg = arg;
  device->state.store(Live);
  return IoFault::None;
}

void IoSpace::forget(IoDevice& device) {
  if (device.file >= 0) kmem_port_close_device(device.file);
  device.file = -1;
  device.state.store(Unused);
}

IoFault IoSpace::remove(uint64_t phys) {
  IoDevice* device = find(phys);
  if (!device || device->phys != phys) return IoFault::Unknown;
  if (device->nr_mapped.load()) return IoFault::InUse;
  uint32_t live = Live;
  if (device->state.compare_exchange(live, Making)) forget(*device);
  return IoFault::None;
}

IoDevice* IoSpace::find_in_sysfs(uint64_t phys, uint64_t bytes, bool combine, IoFault& fault, Text& who) {
  HostDevice host;
  fault = IoFault::Unknown;
  if (!sysfs_[0] || !kmem_port_find_device(sysfs_, phys, combine, &host)) return nullptr;
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
  device->file = kmem_port_open_device(host.path);
  device->offset = host.offset;
  device->found = true;
  device->combining = host.combining;
  if (device->file >= 0) {
    device->state.store(Live);
    return device;
  }
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
  // Where the device begins within a page, so does its file.
  const uint64_t offset = device.offset + (phys - device.phys) - in_page;
  if (device.file >= 0 && !kmem_port_window_device(at, device.file, offset, mapped)) {
    fault = IoFault::Host;
    window.release(area, true);
    return nullptr;
  }
  area->phys = phys;
  area->bytes = bytes;
  area->owner = &device;
  window.publish(area);
  return at + in_page;
}

void* IoSpace::map(uint64_t phys, uint64_t bytes, bool combine, const void* caller, IoFault& fault, Text& who) {
  fault = bytes && phys + bytes > phys ? IoFault::None : IoFault::Size;
  if (fault != IoFault::None) return nullptr;
  IoDevice* device = find(phys);
  if (!device) {
    fault = look(phys, bytes);
    if (fault == IoFault::None) device = find_in_sysfs(phys, bytes, combine, fault, who);
    if (!device) return nullptr;
  } else {
    who.put(device->name);
  }
  fault = phys + bytes > device->phys + device->bytes ? IoFault::Beyond : IoFault::None;
  if (fault != IoFault::None) return nullptr;
  device->nr_mapped.fetch_add(1);
  void* p = show(*device, phys, bytes, caller, fault);
  if (!p && device->nr_mapped.fetch_sub(1) == 1 && device->found) forget(*device);
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
  area->owner = nullptr;
  kmem_port_window_close(window.address(area), uint64_t{area->span} << kPageShift);
  window.release(area, true);
  if (device.nr_mapped.fetch_sub(1) == 1 && device.found) forget(device);
  return AreaFault::None;
}

const IoDevice* IoSpace::simulated_at(const volatile void* p, uint64_t& offset) const {
  const Window& window = vmap_->window();
  const auto* at = static_cast<const char*>(const_cast<const void*>(p));
  if (!window.start() || !window.contains(at)) return nullptr;
  const VmArea* area = window.find(at);
  if (!area || area->kind != AreaKind::Ioremap || !area->owner) return nullptr;
  const auto* device = static_cast<const IoDevice*>(area->owner);
  const uint64_t unit = uint64_t{window.unit_pages()} << kPageShift;
  offset = round_down(area->phys, unit) - device->phys + static_cast<uint64_t>(at - window.address(area));
  return device->ops && offset < device->bytes ? device : nullptr;
}

bool IoSpace::is_gone(const volatile void* p) const {
  const Window& window = vmap_->window();
  const void* plain = const_cast<const void*>(p);
  return window.start() && window.contains(plain) && !window.find(plain);
}

// Regions --------------------------------------------------------------------------------------------------------------

IoSpace::Region* IoSpace::claim(uint64_t start, uint64_t bytes, const char* name) {
  if (!bytes || start + bytes < start) return nullptr;
  for (const Region& region : regions_)
    if (region.used.load() == Live && overlap(start, bytes, region.start, region.bytes)) return nullptr;
  for (Region& region : regions_) {
    uint32_t unused = Unused;
    if (!region.used.compare_exchange(unused, Making)) continue;
    region.start = start;
    region.bytes = bytes;
    copy_name(region.name, name ? name : "");
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
    out.printf("%s%08lx-%08lx : %s\n", indent, start, start + bytes - 1, name);
  };
  const auto put_regions = [&](const char* indent, uint64_t from, uint64_t bytes, bool inside) {
    for (const Region& region : regions_)
      if (region.used.load() == Live && (region.start - from < bytes) == inside) put(indent, region.start, region.bytes, region.name);
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

Fault IoSpace::check() const {
  for (const IoDevice& device : devices_) {
    if (device.state.peek() != Live) continue;
    for (const IoDevice& other : devices_)
      if (&other != &device && other.state.peek() == Live && overlap(device.phys, device.bytes, other.phys, other.bytes))
        return {"I1 no two live devices overlap", device.phys, device.bytes, other.phys};
    uint32_t nr = 0;
    uint64_t page = 0;
    if (vmap_->window().start())
      while (const VmArea* area = vmap_->window().next(page)) {
        nr += area->kind == AreaKind::Ioremap && area->is() == AreaState::Live && area->owner == &device;
        page += area->span;
      }
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
