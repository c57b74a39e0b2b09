// Memory outside the frames, for large blocks: adjacent mappings, which the kernel merges.
//
// A process may have 65,530 mappings (vm.max_map_count), so blocks must share mappings. The kernel places them side by side,
// and merges those with the same properties into one mapping. Holes split it. So once there are many blocks, a range that is
// freed in the middle stays mapped, without memory, and serves the next block that fits; adjacent idle ranges merge. With few
// blocks everything is unmapped at once.
//
// The lock of the idle ranges is only tried, since a signal handler may have interrupted its holder. A caller that finds it
// taken maps and unmaps as if there were no idle ranges.

#include "blocks.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/atomic.h"
#include "idle_ranges.h"
#include "linux_port.h"
#include "port/port.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

namespace linux_port {
namespace {

using Range = IdleRanges::Range;
enum class Pages : unsigned char { Open, SomeClosed };

/// Up to so many blocks, each may be a mapping of its own, placed by the kernel.
constexpr uint64_t kFewBlocks = 256;
/// The most blocks that were moved with their page tables, which never merge with their neighbours; and the most holes among
/// many blocks.
constexpr uint32_t kMostMoved = 1024, kMostHoles = 256;
/// The most idle ranges that are unmapped at once when the kernel refuses more addresses.
constexpr unsigned kMostReleased = 1024;

constexpr int kProtection = PROT_READ | PROT_WRITE;
constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;

kmem::Atomic<uint64_t> nr_blocks, live_bytes, idle_bytes;
kmem::Atomic<uint32_t> nr_moved, nr_holes;
/// The holder of the idle ranges: the address of the thread's errno, which is the same in a forked child.
kmem::Atomic<uintptr_t> owner;
IdleRanges idle;

class TriedLock {
 public:
  TriedLock() {
    uintptr_t nobody = 0;
    held_ = owner.compare_exchange(nobody, reinterpret_cast<uintptr_t>(&errno));
  }
  ~TriedLock() {
    if (!held_) return;
    idle_bytes.store(idle.bytes());
    owner.store(0);
  }
  TriedLock(const TriedLock&) = delete;
  TriedLock& operator=(const TriedLock&) = delete;
  explicit operator bool() const { return held_; }

 private:
  bool held_;
};

void* pointer(uintptr_t at) { return reinterpret_cast<void*>(at); }
uintptr_t round_up(uintptr_t at, size_t align) { return (at + align - 1) & ~(align - 1); }
bool on_huge_pages(size_t bytes) { return huge_everywhere && bytes >= 2 * kmem::kBlockBytes; }
size_t whole_pages(size_t bytes) { return round_up(bytes, on_huge_pages(bytes) ? kmem::kBlockBytes : host_page); }
bool are_few() { return nr_blocks.peek() <= kFewBlocks; }

/// The kernel aligns lengths of whole huge pages unless it is told where (Linux 6.7): gaps would then separate the blocks. The
/// hint is the address of kmem's own code, which is in use, so the kernel chooses freely. (A low address does not work as hint:
/// the kernel rounds it up to vm.mmap_min_addr, and would place blocks there.)
uintptr_t ask_kernel(size_t bytes) {
  static const char taken = 0;
  void* const place = pointer(reinterpret_cast<uintptr_t>(&taken) & ~(host_page - 1));
  void* got = mmap(place, bytes, kProtection, kFlags, -1, 0);
  return got == MAP_FAILED ? 0 : reinterpret_cast<uintptr_t>(got);
}

/// Drops the pages. If a part of the range may be closed or a separate mapping, a new mapping replaces the range and merges
/// with its neighbours; that takes twice as long.
bool make_fresh(Range range, Pages pages) {
  void* const at = pointer(range.from);
  if (nr_moved.peek() || pages == Pages::SomeClosed)
    return mmap(at, range.bytes, kProtection, kFlags | MAP_FIXED, -1, 0) != MAP_FAILED;
  return madvise(at, range.bytes, MADV_DONTNEED) == 0;
}

bool keep_idle(Range range, Pages pages) {
  const TriedLock lock;
  return lock && make_fresh(range, pages) && idle.add(range);
}

/// Unmaps idle ranges, longest first.
void release_idle(unsigned most) {
  if (!idle_bytes.peek()) return;
  const TriedLock lock;
  while (lock && idle.nr() && most--) {
    const Range range = idle.take_longest();
    if (munmap(pointer(range.from), range.bytes) == 0) continue;
    idle.add(range);  // it was just removed, so there is a node
    return;
  }
}

/// Keeps the idle addresses fewer than those in use.
void balance() {
  if (are_few()) {
    if (nr_moved.peek()) nr_moved.poke(0);
    if (nr_holes.peek()) nr_holes.poke(0);
    return release_idle(~0u);
  }
  if (idle_bytes.peek() <= live_bytes.peek() || nr_holes.peek() >= kMostHoles) return;
  nr_holes.fetch_add(1);
  release_idle(1);
}

void give_back(Range range, Pages pages = Pages::Open) {
  if (!range.bytes || (!are_few() && keep_idle(range, pages))) return;
  // On failure (too many mappings) the addresses are lost, but not the memory.
  if (munmap(pointer(range.from), range.bytes)) make_fresh(range, pages);
}

uintptr_t take_idle(size_t bytes, size_t align) {
  if (!idle_bytes.peek()) return 0;
  const TriedLock lock;
  return lock ? idle.take(bytes, align) : 0;
}

uintptr_t take_fresh(size_t bytes, size_t align) {
  if (align <= host_page) return ask_kernel(bytes);
  if (bytes + align < bytes) return 0;
  const uintptr_t got = ask_kernel(bytes + align - host_page);
  if (!got) return 0;
  // As high as possible, next to the mapping above; the rest below becomes a gap.
  const uintptr_t start = (got + align - host_page) & ~(align - 1), end = got + bytes + align - host_page;
  if (start > got) munmap(pointer(got), start - got);
  give_back({start + bytes, end - start - bytes});
  return start;
}

uintptr_t take(size_t bytes, size_t align) {
  if (const uintptr_t got = take_idle(bytes, align)) return got;
  if (const uintptr_t got = take_fresh(bytes, align)) return got;
  release_idle(kMostReleased);
  return take_fresh(bytes, align);
}

bool take_behind(uintptr_t at, size_t bytes) {
  if (!idle_bytes.peek()) return false;
  const TriedLock lock;
  return lock && idle.take_at(at, bytes);
}

/// In place, if the addresses behind are idle or unmapped.
bool grow(Range range, size_t bytes) {
  return take_behind(range.to(), bytes - range.bytes) || mremap(pointer(range.from), range.bytes, bytes, 0) != MAP_FAILED;
}

/// Moves the page tables of a block; its old addresses become idle.
void* move(Range range, size_t bytes) {
  if (are_few()) {
    void* got = mremap(pointer(range.from), range.bytes, bytes, MREMAP_MAYMOVE);
    return got == MAP_FAILED ? nullptr : got;
  }
  if (nr_moved.peek() >= kMostMoved) return nullptr;  // the caller copies
  const uintptr_t to = take(bytes, host_page);
  if (!to) return nullptr;
  constexpr int kMoveFlags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  if (mremap(pointer(range.from), range.bytes, range.bytes, kMoveFlags, pointer(to)) == MAP_FAILED) {
    give_back({to, bytes});
    return nullptr;
  }
  nr_moved.fetch_add(1);
  give_back(range);
  return pointer(to);
}

void* count(void* p, size_t old_bytes, size_t bytes) {
  if (p) live_bytes.fetch_add(bytes - old_bytes);
  return p;
}

}  // namespace

// The lock's holder may be a thread that does not exist in the child: then the idle ranges are abandoned.
void forget_idle_after_fork() {
  const uintptr_t holder = owner.load();
  if (!holder || holder == reinterpret_cast<uintptr_t>(&errno)) return;
  idle.forget();
  idle_bytes.store(0);
  owner.store(0);
}

}  // namespace linux_port

using namespace linux_port;

extern "C" {

void* kmem_port_map(size_t bytes, size_t align) {
  const KeepErrno keep;
  bytes = whole_pages(bytes);
  const bool huge = on_huge_pages(bytes);
  if (huge && align < kmem::kBlockBytes) align = kmem::kBlockBytes;
  const uintptr_t got = bytes ? take(bytes, align) : 0;
  if (!got) return nullptr;
  nr_blocks.fetch_add(1);
  if (huge) madvise(pointer(got), bytes, MADV_HUGEPAGE);
  return count(pointer(got), 0, bytes);
}

void kmem_port_unmap(void* address, size_t bytes, kmem::Guards guards) {
  const KeepErrno keep;
  bytes = whole_pages(bytes);
  count(address, bytes, 0);
  give_back({reinterpret_cast<uintptr_t>(address), bytes}, guards == kmem::Guards::Some ? Pages::SomeClosed : Pages::Open);
  nr_blocks.fetch_sub(1);
  balance();
}

void* kmem_port_remap(void* address, size_t old_bytes, size_t new_bytes) {
  const KeepErrno keep;
  old_bytes = whole_pages(old_bytes);
  new_bytes = whole_pages(new_bytes);
  const Range range{reinterpret_cast<uintptr_t>(address), old_bytes};
  if (new_bytes <= old_bytes) {
    give_back({range.from + new_bytes, old_bytes - new_bytes}, Pages::SomeClosed);
    return count(address, old_bytes, new_bytes);
  }
  // With few blocks mremap() tries both by itself.
  if (!are_few() && grow(range, new_bytes)) return count(address, old_bytes, new_bytes);
  return count(move(range, new_bytes), old_bytes, new_bytes);
}
}
