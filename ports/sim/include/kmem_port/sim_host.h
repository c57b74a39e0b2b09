#pragma once
// A test's view of the simulated machine: its facts, the calls of the core, and the calls that it refuses.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "port/devices.h"
#include "port/machine.h"

namespace sim_port {

inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;
/// Physical addresses end here.
inline constexpr uint64_t kPhysicalEnd = 16 * kGiB;

/// The configuration of a machine. CPUs are assigned to the nodes in turn unless cpu_node is set; distances are 10 within a
/// node and 20 to others unless set.
struct Facts {
  uint32_t nr_cpus = 2;
  uint32_t nr_nodes = 1;
  std::vector<kmem::RamRange> ram = {{{4 * kGiB}, 64 * kMiB, {}}};
  std::vector<uint8_t> cpu_node = {};
  std::vector<std::vector<uint8_t>> distance = {};
  uint32_t nr_sheaves = 512;
  bool binds_nodes = false;
  std::string command_line = {};
  void (*early)() = nullptr;  // runs before the page allocator
};

/// Counts calls of one kind, and refuses some of them.
class Gate {
 public:
  uint64_t calls() const { return calls_; }
  uint64_t refused() const { return refused_; }
  /// Refuses the n-th call from now, counted from 1, and with and_all_after all later ones.
  void refuse(uint64_t nth, bool and_all_after = false) {
    first_ = calls_ + nth;
    last_ = and_all_after ? ~uint64_t{0} : first_;
  }
  /// For the port: counts a call; false if it is to be refused.
  bool pass() {
    const bool refuse = ++calls_ >= first_ && calls_ <= last_;
    refused_ += refuse;
    return !refuse;
  }

 private:
  uint64_t calls_ = 0, refused_ = 0;
  uint64_t first_ = ~uint64_t{0}, last_ = 0;
};

struct Host {
  Facts facts;
  Gate online, discard, fence, map, spawn;
  bool fences_unasked = true;  // as a process of one thread does
  struct Bound {
    void* address;
    size_t bytes;
    unsigned node;
  };
  std::vector<Bound> bound;                               // calls of kmem_port_bind()
  bool watches_pressure = false;                          // the host reports memory pressure
  unsigned pressure = 0;                                  // reports of pressure that were not delivered yet
  std::function<uint64_t()> room;                         // result of kmem_port_room(); empty: no limit
  unsigned nr_looks = 0;                                  // calls of kmem_port_room()
  std::vector<std::function<void()>> spawned;             // threads of the core's own, for a test to run as tasks
  Gate window, guard, close;                              // open() and move(); guard(); close()
  std::vector<kmem::HostDevice> devices;                  // the host's devices; a program's file number is an index into them
  int nr_open_devices = 0;                                // opened or kept, and not closed yet
  std::string log;                                        // all that was logged
  std::vector<std::pair<const uint64_t*, size_t>> roots;  // words in which the test keeps pointers
  unsigned nr_panics = 0;
  uint64_t now_ns = 0;   // the clock stands still until a test moves it
  size_t nr_mapped = 0;  // blocks of map() that are still mapped

  bool logged(const char* words) const { return log.find(words) != std::string::npos; }
};

Host& host();

/// Starts a new machine: memory is empty and closed, counters and log are reset, no task runs. All memory of the previous
/// machine is gone.
void power_on(const Facts& facts);

/// Whether the machine has something there: RAM, descriptors, tables, per-CPU words, or a mapped block.
bool in_machine(const void* address);

}  // namespace sim_port
