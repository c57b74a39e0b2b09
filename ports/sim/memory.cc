// Where the simulated machine's memory lies: one reservation for the life of the process, so that addresses are the
// same in every run and a machine costs a few system calls.  Memory that is not online is inaccessible: touching it ends the
// program.

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <map>
#include <mutex>

#include "kmem_port/sim_host.h"
#include "port/layout.h"

namespace sim_port {
namespace {

constexpr size_t kBelowBase = kmem::kTablesBytes + kmem::kFrameTableSpan;
constexpr size_t kBaseBytes = kBelowBase + (size_t{4} << 30);
constexpr size_t kDescriptorBytes = (kPhysicalEnd >> kmem::kPageShift) * 64;
constexpr size_t kMetadataBytes = 64 * kMiB;
constexpr size_t kAlign = 4 * kMiB;  // of the direct map, so that the largest blocks are aligned in memory too
constexpr size_t kAllBytes = kAlign + kPhysicalEnd + kBaseBytes + kDescriptorBytes + kMetadataBytes;

constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

[[noreturn]] void no_room() {
  fprintf(stderr, "sim port: %zu GiB of address space cannot be reserved; raise the limit (ulimit -v)\n", kAllBytes >> 30);
  abort();
}

char* reserve() {
  void* got = mmap(nullptr, kAllBytes, PROT_NONE, kFlags, -1, 0);
  if (got == MAP_FAILED) no_room();
  return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(got) + kAlign - 1) & ~(kAlign - 1));
}

char* direct_map() {
  static char* const start = reserve();
  return start;
}
char* base() { return direct_map() + kPhysicalEnd + kBelowBase; }
char* descriptors() { return direct_map() + kPhysicalEnd + kBaseBytes; }
char* metadata() { return descriptors() + kDescriptorBytes; }

bool inside(const void* address, size_t bytes, const char* start, size_t size) {
  const char* at = static_cast<const char*>(address);
  return at >= start && bytes <= size && at - start <= static_cast<ptrdiff_t>(size - bytes);
}

/// Tests of single layers may have threads.
std::mutex blocks_lock;
std::map<void*, size_t>& blocks() {
  static std::map<void*, size_t> all;
  return all;
}

}  // namespace

void close_memory() {
  if (mmap(direct_map(), kAllBytes - kAlign, PROT_NONE, kFlags | MAP_FIXED, -1, 0) == MAP_FAILED) no_room();
}

void lay_out_memory(kmem::Machine& machine) {
  machine.direct_map = direct_map();
  machine.base = base();
  machine.descriptors = descriptors();
  machine.metadata = metadata();
  machine.metadata_bytes = kMetadataBytes;
  const size_t words = size_t{2} * machine.nr_cpus * kmem::kCpuStride + machine.nr_sheaves * kmem::kSheafBytes;
  open_memory(base() + kmem::kFrameTable, kPhysicalEnd >> kmem::kPageShift);
  open_memory(base() + kmem::kTables, 4 * kmem::kPageSize);
  open_memory(base(), words);
  mprotect(base() + kmem::kBlocked, kmem::kBlockedBytes, PROT_READ);
  open_memory(metadata(), kMetadataBytes);
}

bool comes_online(const void* address, size_t bytes) {
  return inside(address, bytes, direct_map(), kPhysicalEnd) || inside(address, bytes, descriptors(), kDescriptorBytes) ||
         !inside(address, bytes, direct_map(), kAllBytes - kAlign);
}

bool open_memory(void* address, size_t bytes) {
  const uintptr_t from = reinterpret_cast<uintptr_t>(address) & ~(kmem::kPageSize - 1);
  const uintptr_t to = (reinterpret_cast<uintptr_t>(address) + bytes + kmem::kPageSize - 1) & ~(kmem::kPageSize - 1);
  return mprotect(reinterpret_cast<void*>(from), to - from, PROT_READ | PROT_WRITE) == 0;
}

bool protect_memory(void* address, size_t bytes, kmem::Protection wanted) {
  if ((reinterpret_cast<uintptr_t>(address) | bytes) % kmem::kPageSize) return false;
  return mprotect(address, bytes, wanted == kmem::Protection::Open ? PROT_READ | PROT_WRITE : PROT_NONE) == 0;
}

void zero_memory(void* address, size_t bytes) { madvise(address, bytes, MADV_DONTNEED); }

// Blocks of their own ---------------------------------------------------------------------------------------------------------

void* map_memory(size_t bytes, size_t align) {
  if (align < kmem::kPageSize) align = kmem::kPageSize;
  if (bytes + align < bytes) return nullptr;
  void* got = mmap(nullptr, bytes + align, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  const auto from = reinterpret_cast<uintptr_t>(got), start = (from + align - 1) & ~(align - 1);
  if (start > from) munmap(got, start - from);
  munmap(reinterpret_cast<void*>(start + bytes), from + align - start);
  const std::lock_guard guard(blocks_lock);
  blocks()[reinterpret_cast<void*>(start)] = bytes;
  return reinterpret_cast<void*>(start);
}

bool unmap_memory(void* address, size_t bytes) {
  const std::lock_guard guard(blocks_lock);
  const auto at = blocks().find(address);
  if (at == blocks().end() || at->second != bytes) return false;
  munmap(address, bytes);
  blocks().erase(at);
  return true;
}

void* remap_memory(void* address, size_t old_bytes, size_t new_bytes) {
  const std::lock_guard guard(blocks_lock);
  const auto at = blocks().find(address);
  if (at == blocks().end() || at->second != old_bytes) return nullptr;
  void* got = mremap(address, old_bytes, new_bytes, MREMAP_MAYMOVE);
  if (got == MAP_FAILED) return nullptr;
  blocks().erase(at);
  blocks()[got] = new_bytes;
  return got;
}

bool in_machine(const void* address) {
  if (inside(address, 1, direct_map(), kAllBytes - kAlign)) return true;
  const std::lock_guard guard(blocks_lock);
  const auto above = blocks().upper_bound(const_cast<void*>(address));
  if (above == blocks().begin()) return false;
  const auto& [start, bytes] = *std::prev(above);
  return inside(address, 1, static_cast<const char*>(start), bytes);
}

size_t nr_mapped() {
  const std::lock_guard guard(blocks_lock);
  return blocks().size();
}

void unmap_all() {
  for (const auto& [address, bytes] : blocks()) munmap(address, bytes);
  blocks().clear();
}

}  // namespace sim_port
