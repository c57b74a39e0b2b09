// The window of vmap on a simulated machine: which of its pages are mapped is written down, so that a page mapped twice,
// one used while it is idle, and one touched while it is nobody's, end the run.

#include <string.h>
#include <sys/mman.h>

#include <map>

#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"
#include "memory.h"
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

void take_access(void* address, size_t bytes) {
  each_page(address, bytes, now_closed);
  mmap(address, bytes, PROT_NONE, kReserved | MAP_FIXED, -1, 0);
}

}  // namespace

void forget_window() { pages().clear(); }
size_t nr_window_pages() { return pages().size(); }
void discarded_in_window(void* address, size_t bytes) {
  if (!pages().empty()) each_page(address, bytes, now_closed);
}

}  // namespace sim_port

using namespace sim_port;

extern "C" {

void* kmem_port_window_reserve(size_t bytes, size_t align) {
  kmem_sim_step();
  void* got = host().map.pass() ? map_memory(bytes, align) : nullptr;
  if (got) mmap(got, bytes, PROT_NONE, kReserved | MAP_FIXED, -1, 0);
  host().nr_mapped = nr_mapped();
  return got;
}

bool kmem_port_window_open(void* address, size_t bytes, kmem::Access access, bool) {
  kmem_sim_step();
  if (!host().window.pass()) return false;
  each_page(address, bytes, now_open);
  mprotect(address, bytes, access == kmem::Access::Read ? PROT_READ : PROT_READ | PROT_WRITE);
  return true;
}

bool kmem_port_window_access(void* address, size_t bytes, kmem::Access access) {
  return mprotect(address, bytes, access == kmem::Access::Read ? PROT_READ : PROT_READ | PROT_WRITE) == 0;
}

bool kmem_port_window_close(void* address, size_t bytes) {
  kmem_sim_step();
  take_access(address, bytes);
  return true;
}

bool kmem_port_window_guard(void* address, size_t bytes) {
  kmem_sim_step();
  if (!host().guard.pass()) return false;
  take_access(address, bytes);
  return true;
}

bool kmem_port_window_touched(const void* address, size_t bytes) {
  const char* at = static_cast<const char*>(address);
  for (size_t i = 0; i < bytes; ++i)
    if (at[i]) return true;
  return false;
}

bool kmem_port_window_move(void* to, void* from, size_t bytes) {
  kmem_sim_step();
  if (!host().window.pass()) return false;
  if (!pages().count(static_cast<char*>(from))) {  // into the window, not home from there
    each_page(to, bytes, now_open);
    mprotect(to, bytes, PROT_READ | PROT_WRITE);
  }
  memcpy(to, from, bytes);
  memset(from, 0, bytes);
  kmem_sim_step();
  return true;
}

// Its frames are private memory of the host's.
bool kmem_port_window_alias(void*, void*, size_t, kmem::Access) { return false; }

void kmem_port_window_idle(void* address, size_t bytes, bool idle) {
  each_page(address, bytes, [&](char* page) {
    const auto at = pages().find(page);
    if (at == pages().end()) give_up("window: a page is idle that was never mapped");
    if (at->second == PageIs::Idle) check_idle(page);
    at->second = idle ? PageIs::Idle : PageIs::Open;
  });
  memset(address, idle ? kIdlePattern : 0xdb, bytes);
}
}
