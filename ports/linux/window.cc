// The window of vmap: reserved address space, opened and closed by parts.
//
// Each change of protection in the middle of a mapping makes more mappings of one, and the host allows a process some
// 65,530 of them.  So a page that nobody may touch is a guard marker in the page table where the kernel has those
// (Linux 6.13), and contents are moved as pages only where the piece is long.

#include <string.h>
#include <sys/mman.h>

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
/// Below this, copying costs less than moving page tables does, and makes no mapping.
constexpr size_t kMoveFrom = 16 * kmem::kPageSize;

/// Whether any guard was ever installed: else there is none to take away.  -1: the kernel knows none.
int guards;

int protection(kmem::Access access) {
  return access == kmem::Access::Read ? PROT_READ : PROT_READ | PROT_WRITE;
}

bool aligned(const void* address, size_t bytes) {
  return ((reinterpret_cast<uintptr_t>(address) | bytes) & (host_page - 1)) == 0;
}

/// A range whose pages may be handed over one by one with their contents.
bool move_pages(void* to, void* from, size_t bytes) {
  if (bytes < kMoveFrom || !aligned(to, bytes) || !aligned(from, bytes)) return false;
  return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to;
}

}  // namespace
}  // namespace linux_port

using namespace linux_port;

extern "C" {

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

bool kmem_port_window_open(void* address, size_t bytes, kmem::Access access, bool huge) {
  if (mprotect(address, bytes, protection(access))) return false;
  if (__atomic_load_n(&guards, __ATOMIC_RELAXED) > 0) madvise(address, bytes, MADV_GUARD_REMOVE);
  if (huge && huge_pages) madvise(address, bytes, MADV_HUGEPAGE);
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

bool kmem_port_window_touched(const void* address, size_t bytes) {
  unsigned char resident[64];
  for (size_t done = 0; done < bytes;) {
    const size_t left = bytes - done, some = left < sizeof resident * host_page ? left : sizeof resident * host_page;
    if (mincore(const_cast<char*>(static_cast<const char*>(address)) + done, some, resident)) return false;
    for (size_t i = 0; i < (some + host_page - 1) / host_page; ++i)
      if (resident[i] & 1) return true;
    done += some;
  }
  return false;
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

void kmem_port_window_idle(void*, size_t, bool) {}
}
