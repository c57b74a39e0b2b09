#pragma once
// A machine in miniature for tests of one layer: address space like a port's, but small, and gone with the test.

#include <sys/mman.h>

#include <cstdlib>
#include <initializer_list>
#include <utility>
#include <vector>

#include "page/page_allocator.h"
#include "port/layout.h"
#include "port/machine.h"
#include "port/port.h"

namespace kmem::test {

inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;

/// Address space that costs nothing until it is touched; without access until the core brings it online.
class Reservation {
 public:
  Reservation() = default;
  explicit Reservation(size_t bytes, int protection = PROT_NONE) : bytes_(bytes) {
    void* got = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) std::abort();
    at_ = static_cast<char*>(got);
  }
  Reservation(Reservation&& other) noexcept : at_(std::exchange(other.at_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Reservation() {
    if (at_) munmap(at_, bytes_);
  }
  char* at() const { return at_; }

 private:
  char* at_ = nullptr;
  size_t bytes_ = 0;
};

/// What the port says of this host: CPUs, and how their stacks are guarded.  It is asked once in a program.
inline const Machine& host_facts() {
  static const Machine* facts = [] {
    auto* machine = new Machine;
    if (!kmem_port_boot(machine)) std::abort();
    return machine;
  }();
  return *facts;
}

/// Ranges of RAM in MiB, with words, sheaves, tables, descriptors and metadata around them.  One at a time: its words
/// are those of this process.
class SmallMachine {
 public:
  struct Ram {
    uint64_t start_mib, mib;
    uint8_t node = 0;
  };

  /// Where memory that the tests have at so many MiB is: addresses of 32 bits do not reach beyond 4 GiB.
  static constexpr bool kNarrow = sizeof(void*) == 4;
  static constexpr uint64_t kMostNarrow = 128;  // and there is no room for more than so much
  static constexpr uint64_t mib(uint64_t wanted) { return kNarrow && wanted >= 4096 ? wanted - 4096 + 128 : wanted; }

  explicit SmallMachine(std::initializer_list<Ram> ram, uint32_t nr_sheaves = 4096) {
    machine = host_facts();
    machine.nr_ram = 0;
    machine.dma_end = {16 * kMiB};
    machine.dma32_end = {mib(4096) * kMiB};
    uint64_t end = 0, start = ~uint64_t{0};
    for (Ram r : ram) {
      r.start_mib = mib(r.start_mib);
      if (kNarrow && r.mib > kMostNarrow) r.mib = kMostNarrow;
      machine.ram[machine.nr_ram++] = {{r.start_mib * kMiB}, r.mib * kMiB, {r.node}};
      end = r.start_mib + r.mib > end ? r.start_mib + r.mib : end;
      start = r.start_mib < start ? r.start_mib : start;
      if (r.node >= machine.nr_nodes) machine.nr_nodes = r.node + 1u;
    }
    for (unsigned a = 0; a < machine.nr_nodes; ++a)
      for (unsigned b = 0; b < machine.nr_nodes; ++b)
        machine.distance[a][b] = static_cast<uint8_t>(a == b ? 10 : 10 + 10 * (a > b ? a - b : b - a));

    constexpr size_t kBelow = kTablesBytes + kFrameTableSpan;
    const size_t words = sheaves_offset() + nr_sheaves * kSheafBytes;
    words_ = Reservation(kBelow + (kNarrow ? words : kBlocked + kBlockedBytes), PROT_READ | PROT_WRITE);
    machine.base = words_.at() + kBelow;
    machine.table_step = 0;  // all of it is there
    machine.nr_sheaves = nr_sheaves;
    ram_ = Reservation((end - start) * kMiB + 4 * kMiB);
    char* first = reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(ram_.at()), 4 * kMiB));
    machine.direct_map = first - start * kMiB;
    const uint64_t first_pfn = start * kMiB >> kPageShift, nr = (end - start) * kMiB >> kPageShift;
    descriptors_ = Reservation(nr * sizeof(Page));
    machine.descriptors = descriptors_.at() - first_pfn * sizeof(Page);
    machine.metadata_bytes = 16 * kMiB + nr;
    metadata_ = Reservation(machine.metadata_bytes, PROT_READ | PROT_WRITE);
    machine.metadata = metadata_.at();
    kmem_base = machine.base;
    sheaves.init(machine.base, sheaves_offset(), nr_sheaves);
  }
  ~SmallMachine() { kmem_base = nullptr; }
  SmallMachine(const SmallMachine&) = delete;

  uint64_t sheaves_offset() const { return round_up(2 * uint64_t{machine.nr_cpus} * kCpuStride, kSheafBytes); }

  Machine machine;
  SheafPool sheaves;

 private:
  Reservation words_, ram_, descriptors_, metadata_;
};

/// A small machine with its page allocator.
class PageWorld : public SmallMachine {
 public:
  explicit PageWorld(std::initializer_list<Ram> ram = {{4096, 64}}, uint64_t min_free_kbytes = 128, uint32_t nr_sheaves = 4096)
      : SmallMachine(ram, nr_sheaves) {
    metadata_left = pages.init(machine, sheaves, min_free_kbytes);
    if (!metadata_left) std::abort();
  }

  PageAllocator pages;
  char* metadata_left = nullptr;
};

/// Numbers that are the same in every run (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t n) { return next() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

}  // namespace kmem::test
