// The window of vmap on a simulated machine: records which of its pages are mapped, so that mapping a page twice, using an idle
// one, and touching an unreserved one end the run.

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>

#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"
#include "memory.h"
#include "port/devices.h"
#include "port/port.h"
#include "window.h"

extern "C" void kmem_sim_step();

namespace sim_port {
namespace {

constexpr int kIdlePattern = 0xdc;
constexpr int kReserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

enum class PageIs : uint8_t { Open, Idle };
std::map<char*, PageIs>& pages() {
  static std::map<char*, PageIs> all;
  return all;
}

/// The last result of kmem_port_window_choose().
struct {
  const char* start;
  size_t bytes;
} chosen;
/// The reserved parts of it, as from and to; adjacent parts are merged.
std::map<const char*, const char*>& parts() {
  static std::map<const char*, const char*> all;
  return all;
}

void add_part(const char* from, const char* to) {
  const auto above = parts().lower_bound(from);
  if (above != parts().end() && above->first < to) give_up("window: addresses are reserved twice");
  if (above != parts().begin()) {
    const auto below = std::prev(above);
    if (below->second > from) give_up("window: addresses are reserved twice");
    if (below->second == from) {
      below->second = to;
      return;
    }
  }
  parts()[from] = to;
}

void check_reserved(const void* address, size_t bytes) {
  const auto* from = static_cast<const char*>(address);
  if (static_cast<size_t>(from - chosen.start) >= chosen.bytes) return;
  const auto above = parts().upper_bound(from);
  if (above == parts().begin() || std::prev(above)->second < from + bytes)
    give_up("window: addresses are used that were not reserved");
}

template <typename Do>
void each_page(void* address, size_t bytes, Do what) {
  for (size_t done = 0; done < bytes; done += kmem::kPageSize) what(static_cast<char*>(address) + done);
}

void now_open(char* page) {
  if (!pages().emplace(page, PageIs::Open).second) give_up("window: a page was mapped twice");
}

void check_idle(const char* page) {
  for (size_t i = 0; i < kmem::kPageSize; ++i)
    if (static_cast<unsigned char>(page[i]) != kIdlePattern) give_up("window: a page was used after it was unmapped");
}

void now_closed(char* page) {
  const auto at = pages().find(page);
  if (at == pages().end()) return;
  if (at->second == PageIs::Idle) check_idle(page);
  pages().erase(at);
}

/// The registers of the n-th device: a file of the largest needed length, made at the first use and kept for later machines.
int device_memory(int n) {
  static std::map<int, int> files;
  const auto [at, is_new] = files.emplace(n, -1);
  if (!is_new) return at->second;
  at->second = memfd_create("sim device", 0);
  if (ftruncate(at->second, 1 << 24)) give_up("no memory for a device");
  return at->second;
}

void take_access(void* address, size_t bytes) {
  each_page(address, bytes, now_closed);
  mmap(address, bytes, PROT_NONE, kReserved | MAP_FIXED, -1, 0);
}

}  // namespace

void forget_window() {
  pages().clear();
  parts().clear();
  chosen = {};
}
size_t nr_window_pages() { return pages().size(); }
void discarded_in_window(void* address, size_t bytes) {
  if (!pages().empty()) each_page(address, bytes, now_closed);
}

}  // namespace sim_port

using namespace sim_port;

extern "C" {

void* kmem_port_window_choose(size_t bytes, size_t align) {
  void* got = kmem_port_window_reserve(bytes, align);
  if (!got) return nullptr;
  chosen = {static_cast<char*>(got), bytes};
  parts().clear();
  return got;
}

bool kmem_port_window_take(void* address, size_t bytes) {
  kmem_sim_step();
  auto* from = static_cast<char*>(address);
  if (static_cast<size_t>(from - chosen.start) >= chosen.bytes) give_up("window: addresses that were not chosen");
  if (!host().map.pass()) return false;
  add_part(from, from + bytes);
  return true;
}

void* kmem_port_window_reserve(size_t bytes, size_t align) {
  kmem_sim_step();
  void* got = host().map.pass() ? map_memory(bytes, align) : nullptr;
  if (got) mmap(got, bytes, PROT_NONE, kReserved | MAP_FIXED, -1, 0);
  host().nr_mapped = nr_mapped();
  return got;
}

void kmem_port_window_release(void* address, size_t bytes) {
  if (address == chosen.start) {
    chosen = {};
    parts().clear();
  }
  kmem_port_unmap(address, bytes);
}

bool kmem_port_window_open(void* address, size_t bytes, kmem::Access access, kmem::WindowPages) {
  kmem_sim_step();
  if (!host().window.pass()) return false;
  check_reserved(address, bytes);
  each_page(address, bytes, now_open);
  mprotect(address, bytes, access == kmem::Access::Read ? PROT_READ : PROT_READ | PROT_WRITE);
  return true;
}

bool kmem_port_window_access(void* address, size_t bytes, kmem::Access access) {
  return mprotect(address, bytes, access == kmem::Access::Read ? PROT_READ : PROT_READ | PROT_WRITE) == 0;
}

bool kmem_port_window_close(void* address, size_t bytes) {
  kmem_sim_step();
  if (!host().close.pass()) return false;
  take_access(address, bytes);
  return true;
}

bool kmem_port_window_guard(void* address, size_t bytes) {
  kmem_sim_step();
  if (!host().guard.pass()) return false;
  take_access(address, bytes);
  return true;
}

bool kmem_port_window_move(void* to, void* from, size_t bytes) {
  kmem_sim_step();
  if (!host().window.pass()) return false;
  if (!pages().count(static_cast<char*>(from))) {  // moves into the window, not back home
    check_reserved(to, bytes);
    each_page(to, bytes, now_open);
    mprotect(to, bytes, PROT_READ | PROT_WRITE);
  }
  memcpy(to, from, bytes);
  memset(from, 0, bytes);
  kmem_sim_step();
  return true;
}

// The frames are private memory of the host, which cannot be mapped twice.
bool kmem_port_window_alias(void*, void*, size_t, kmem::Access) { return false; }

void kmem_port_window_mark(void* address, size_t bytes, kmem::WindowUse use) {
  const bool idle = use == kmem::WindowUse::Idle;
  each_page(address, bytes, [&](char* page) {
    const auto at = pages().find(page);
    if (at == pages().end()) give_up("window: a page is idle that was never mapped");
    if (at->second == PageIs::Idle) check_idle(page);
    at->second = idle ? PageIs::Idle : PageIs::Open;
  });
  memset(address, idle ? kIdlePattern : 0xdb, bytes);
}

// The host's devices: each is a memory file, so that two mappings of one show the same registers.

bool kmem_port_find_device(const char*, uint64_t phys, kmem::IoWrites, kmem::HostDevice* device) {
  kmem_sim_step();
  for (const kmem::HostDevice& known : host().devices)
    if (phys - known.phys < known.bytes) return *device = known, true;
  return false;
}

int kmem_port_open_device(kmem::HostDevice* device) {
  for (size_t i = 0; i < host().devices.size(); ++i)
    if (host().devices[i].phys == device->phys) return kmem_port_keep_device(static_cast<int>(i));
  return -1;
}

int kmem_port_keep_device(int file) {
  kmem_sim_step();
  if (file < 0 || static_cast<size_t>(file) >= host().devices.size() || !host().window.pass()) return -1;
  ++host().nr_open_devices;
  return file;
}

void kmem_port_close_device(int file) {
  kmem_sim_step();
  if (file < 0 || --host().nr_open_devices < 0) give_up("a device was closed that was not open");
}

bool kmem_port_window_device(void* to, int file, uint64_t offset, size_t bytes) {
  kmem_sim_step();
  const kmem::HostDevice& device = host().devices[static_cast<size_t>(file)];
  if (offset + bytes > device.offset + device.bytes + kmem::kPageSize || !host().window.pass()) return false;
  each_page(to, bytes, now_open);
  mmap(to, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device_memory(file), static_cast<off_t>(offset));
  return true;
}
}
