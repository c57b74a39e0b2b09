#pragma once
// The simulated machine as a test sees it: its facts, what the core asked of it, and where it refuses.

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

/// What a machine is made of.  CPUs are spread over the nodes in turn unless cpu_node says otherwise; distances are 10
/// at home and 20 elsewhere unless told.
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
  /// Refuses the n-th call from now, counted from 1, and all after it if told.
  void refuse(uint64_t nth, bool and_all_after = false) {
    first_ = calls_ + nth;
    last_ = and_all_after ? ~uint64_t{0} : first_;
  }
  /// For the port: one more call; false where it is to be refused.
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
  struct Bound {
    void* address;
    size_t bytes;
    unsigned node;
  };
  std::vector<Bound> bound;  // calls of kmem_port_bind()
  bool watches_pressure = false;  // the host gives its word when memory is short
  unsigned pressure = 0;          // times that memory is short, not told yet
  std::function<uint64_t()> room;  // what kmem_port_room() answers; without one there is no bound
  unsigned nr_looks = 0;           // times that it was asked
  std::vector<std::function<void()>> spawned;  // threads of the core's own, for a test to run as tasks
  Gate window, guard, close;  // open() and move(); guard(); close()
  std::vector<kmem::HostDevice> devices;  // what the host shows of its own; a program's file is the index of one
  int nr_open_devices = 0;                // opened or kept, and not closed yet
  std::string log;  // all that was logged
  std::vector<std::pair<const uint64_t*, size_t>> roots;  // words in which the test keeps pointers
  unsigned nr_panics = 0;
  uint64_t now_ns = 0;   // the clock stands still until a test moves it
  size_t nr_mapped = 0;  // blocks of map() that are still there

  bool logged(const char* words) const { return log.find(words) != std::string::npos; }
};

Host& host();

/// Switches the machine on: memory is empty and closed, counters and log are fresh, nobody runs.  What the machine
/// before it handed out is gone.
void power_on(const Facts& facts);

}  // namespace sim_port
