#pragma once
// What the files of this port share.

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

namespace kmem {
struct Machine;
}
#include "port/machine.h"

namespace linux_port {

/// CPU numbers below this may be seen; from here on they are shadow CPUs.
extern uint32_t nr_cpus;
extern size_t host_page;

/// Set at boot: may the host be asked for huge pages?
extern bool huge_pages;

/// With alias=1 the frames lie in a memory file and are mapped shared; else there is none.
struct SharedArena {
  int file = -1;
  char* start = nullptr;
  size_t bytes = 0;
};
extern SharedArena shared_arena;
inline bool is_shared(const void* address) {
  return static_cast<size_t>(static_cast<const char*>(address) - shared_arena.start) < shared_arena.bytes;
}
/// What we ask of the host may fail and set errno, which is our caller's.
class KeepErrno {
 public:
  KeepErrno() : saved_(errno) {}
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int saved_;
};

/// Reads a small file without allocation; the bytes read, 0 where there is none.  Always terminated.
size_t read_file(const char* path, char* buffer, size_t bytes);

extern bool under_memcheck;
/// What looks at every access of this process.
kmem::Checker find_checker();
/// Address space of kmem's own: frames, tables, descriptors.
struct OwnRange {
  uintptr_t from, to;
};
extern OwnRange own_ranges[16];
/// Bytes of memory that this process may use: the machine's, or what the cgroup's limit leaves if that is less.
uint64_t physical_bytes(bool heed_cgroup, bool& limited);
/// Several nodes with memory below `root` (/sys/devices/system/node): their distances and CPUs go to the machine, their
/// memory to `bytes`, by node.  False, and one node it is, where there are none, too many, or sysfs does not say.
bool read_nodes(const char* root, kmem::Machine& machine, uint64_t* bytes);
/// Return addresses on the caller's stack, innermost first: see backtrace.cc.
unsigned scan_stack(void** frames, unsigned max);
/// The file behind an address, and the offset in it; false for memory that no file is behind.
bool find_mapping(uintptr_t address, char* file, size_t room, uint64_t& offset);
void* map_shared_file(const char* file, size_t bytes);
/// The same for a stack that ends (or was interrupted) at `top`.
unsigned scan_stack_from(uintptr_t top, void** frames, unsigned max);
/// Reads memory that may not be there, or end early; the bytes that were.
size_t safe_read(uintptr_t at, void* to, size_t bytes);
/// Learns what kmem_port_in_interrupt() looks for.  At boot.
void find_restorer();
/// One more than the highest CPU number that may ever come.
uint32_t possible_cpus();
/// Of the CPUs in `mask`, those that kmem_port_keep_to_cpus() left; all where it was not called.
uint32_t keep_to_cpus(uint32_t nr);
void leave_kept_cpus(uint64_t* mask, unsigned words);
/// The CPUs in /sys/devices/system/cpu/<list>, one bit each; where there is no such file, those that this thread may use.
bool read_cpus(const char* list, uint64_t* mask, unsigned words);

}  // namespace linux_port
