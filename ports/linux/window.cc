// The window of vmap: reserved address space, opened and closed in parts.
//
// Each change of protection in the middle of a mapping splits it, and the host allows a process some 65,530 mappings. So an
// inaccessible page is a guard marker in the page table if the kernel has those (Linux 6.13), and contents are moved as pages
// only in long ranges.

#include <string.h>
#include <sys/mman.h>

#include "address_space.h"
#include "linux_port.h"
#include "port/port.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

namespace linux_port {
namespace {

constexpr int kReserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
/// Below this size, copying costs less than moving page tables, and splits no mapping.
constexpr size_t kMoveFrom = 16 * kmem::kPageSize;

/// The range that kmem_port_window_choose() reserved at once, because the heap is not at planned addresses either.
struct {
  uintptr_t from, to;
} whole;

/// 0: no guard was ever installed, so none must be removed. -1: the kernel has no guard markers.
int guards;

int protection(kmem::Access access) { return access == kmem::Access::Read ? PROT_READ : PROT_READ | PROT_WRITE; }

bool aligned(const void* address, size_t bytes) {
  return ((reinterpret_cast<uintptr_t>(address) | bytes) & (host_page - 1)) == 0;
}

/// Moves the pages of a range with their contents.
bool move_pages(void* to, void* from, size_t bytes) {
  if (bytes < kMoveFrom || !aligned(to, bytes) || !aligned(from, bytes)) return false;
  return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to;
}

}  // namespace
}  // namespace linux_port

using namespace linux_port;

extern "C" {

void* kmem_port_window_choose(size_t bytes, size_t align) {
  if (void* at = choose_below_heap(bytes, align)) return at;
  void* at = kmem_port_window_reserve(bytes, align);
  const auto from = reinterpret_cast<uintptr_t>(at);
  if (at) whole = {from, from + bytes};
  return at;
}

bool kmem_port_window_take(void* address, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  if (at >= whole.from && at < whole.to) return true;
  if (!reserve_at(address, bytes)) return false;
  madvise(address, bytes, MADV_NOHUGEPAGE);  // as its neighbours, so that the host makes one mapping of them
  return true;
}

void* kmem_port_window_reserve(size_t bytes, size_t align) {
  if (align < host_page) align = host_page;
  if (bytes + align < bytes) return nullptr;
  void* got = mmap(nullptr, bytes + align, PROT_NONE, kReserved, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  const auto from = reinterpret_cast<uintptr_t>(got), start = (from + align - 1) & ~(align - 1);
  if (start > from) munmap(got, start - from);
  munmap(reinterpret_cast<void*>(start + bytes), from + align - start);
  madvise(reinterpret_cast<void*>(start), bytes, MADV_NOHUGEPAGE);
  return reinterpret_cast<void*>(start);
}

void kmem_port_window_release(void* address, size_t bytes) { munmap(address, bytes); }

bool kmem_port_window_open(void* address, size_t bytes, kmem::Access access, kmem::WindowPages pages) {
  if (mprotect(address, bytes, protection(access))) return false;
  if (__atomic_load_n(&guards, __ATOMIC_RELAXED) > 0) madvise(address, bytes, MADV_GUARD_REMOVE);
  if (pages == kmem::WindowPages::MayBeHuge && huge_pages) madvise(address, bytes, MADV_HUGEPAGE);
  return true;
}

bool kmem_port_window_access(void* address, size_t bytes, kmem::Access access) {
  return mprotect(address, bytes, protection(access)) == 0;
}

bool kmem_port_window_close(void* address, size_t bytes) {
  if (mmap(address, bytes, PROT_NONE, kReserved | MAP_FIXED, -1, 0) == address) {
    madvise(address, bytes, MADV_NOHUGEPAGE);  // as its neighbours, so that the host makes one mapping of them
    return true;
  }
  madvise(address, bytes, MADV_DONTNEED);
  return false;
}

bool kmem_port_window_guard(void* address, size_t bytes) {
  if (__atomic_load_n(&guards, __ATOMIC_RELAXED) < 0) return false;
  const bool done = madvise(address, bytes, MADV_GUARD_INSTALL) == 0;
  __atomic_store_n(&guards, done ? 1 : __atomic_load_n(&guards, __ATOMIC_RELAXED) > 0 ? 1 : -1, __ATOMIC_RELAXED);
  return done;
}

bool kmem_port_window_move(void* to, void* from, size_t bytes) {
  if (move_pages(to, from, bytes)) return true;
  if (mprotect(to, bytes, PROT_READ | PROT_WRITE)) return false;
  if (guards > 0 && !is_shared(to)) madvise(to, bytes, MADV_GUARD_REMOVE);
  memcpy(to, from, bytes);
  if (!kmem_port_discard(from, bytes)) memset(from, 0, bytes);
  return true;
}

bool kmem_port_window_alias(void* to, void* from, size_t bytes, kmem::Access access) {
  if (!is_shared(from) || !aligned(to, bytes) || !aligned(from, bytes)) return false;
  const off_t at = static_cast<char*>(from) - shared_arena.start;
  return mmap(to, bytes, protection(access), MAP_SHARED | MAP_FIXED, shared_arena.file, at) == to;
}

void kmem_port_window_mark(void*, size_t, kmem::WindowUse) {}
}
