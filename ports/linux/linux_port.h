#pragma once
// Shared by the files of this port.

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

namespace kmem {
struct Machine;
}
#include "port/machine.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace linux_port {

/// CPU numbers below this are the host's; from here on they are shadow CPUs.
extern uint32_t nr_cpus;
extern size_t host_page;

/// Set at boot: may the host be asked for huge pages?
extern bool huge_pages, huge_everywhere;

/// With alias=1 the frames lie in a memory file and are mapped shared; otherwise there is no file.
struct SharedArena {
  int file = -1;
  char* start = nullptr;
  size_t bytes = 0;
};
extern SharedArena shared_arena;
inline bool is_shared(const void* address) {
  return static_cast<size_t>(static_cast<const char*>(address) - shared_arena.start) < shared_arena.bytes;
}
/// Restores errno, because kmem's system calls may fail and set it.
class KeepErrno {
 public:
  KeepErrno() : saved_(errno) {}
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int saved_;
};

/// The slow paths' data of a thread.
struct ThreadMarks {
  uint16_t aborts_in_a_row, calls_on_shadow;  // aborted sequences: cpu_stack.cc
  uint16_t calls_without_claim;
  bool claims, has_no_own;  // a shadow CPU of its own: shadows.cc
  bool is_child;            // the task is a child that uses the thread-local storage of its sleeping parent: vfork.cc
};
ThreadMarks& thread_marks();
/// There may be tasks in this address space that libc did not create.
extern bool has_hidden_tasks;

/// Reads a small file without allocation; returns the bytes read, 0 if there is no such file. Always terminated.
size_t read_file(const char* path, char* buffer, size_t bytes);

extern bool under_memcheck;
/// The checker under which this process runs.
kmem::Checker find_checker();
/// Address space of kmem's own: frames, tables, descriptors.
struct OwnRange {
  uintptr_t from, to;
};
extern OwnRange own_ranges[16];
/// Bytes of memory that this process may use: the machine's, or the cgroup's limit if that is less.
uint64_t physical_bytes(bool heed_cgroup, bool& limited);
/// Several nodes with memory below `root` (/sys/devices/system/node): their distances and CPUs go to the machine, their
/// memory to `bytes`, by node.  False if there are no several nodes, too many, or sysfs does not tell; then the machine has one
/// node.
bool read_nodes(const char* root, kmem::Machine& machine, uint64_t* bytes);
/// Asks the host to take each node's memory from that node.  At boot.
void bind_nodes(kmem::Machine& machine);
/// Return addresses on the caller's stack, innermost first: see backtrace.cc.
unsigned scan_stack(void** frames, unsigned max);
/// The file behind an address, and the offset in it; false for anonymous memory.
bool find_mapping(uintptr_t address, char* file, size_t room, uint64_t& offset);
void* map_shared_file(const char* file, size_t bytes);
/// The same for a stack that ends (or was interrupted) at `top`.
unsigned scan_stack_from(uintptr_t top, void** frames, unsigned max);
/// Is the address readable? Makes one system call, futex.
bool is_readable(uintptr_t at);
/// Reads stacks of the calling thread, up to their end.
class StackReader {
 public:
  /// Returns the number of bytes that could be read.
  size_t read(uintptr_t at, void* to, size_t bytes);

 private:
  uintptr_t known_ = 0;  // a page that can be read
};
/// Reads memory that may be unmapped meanwhile; returns the number of bytes read. Makes a system call that a sandbox may
/// forbid.
size_t copy_from_process(uintptr_t at, void* to, size_t bytes);
/// Finds the vDSO's clock functions. At boot; until then each reading is a system call.
void find_clock();
/// Finds the restorer that kmem_port_in_interrupt() searches for. At boot.
void find_restorer();
/// One more than the highest possible CPU number.
uint32_t possible_cpus();
/// The CPUs in `mask` that kmem_port_keep_to_cpus() left; all if it was not called.
uint32_t keep_to_cpus(uint32_t nr);
void leave_kept_cpus(uint64_t* mask, unsigned words);
/// The CPUs in /sys/devices/system/cpu/<list>, one bit each; without such a file, those that this thread may use.
bool read_cpus(const char* list, uint64_t* mask, unsigned words);

}  // namespace linux_port
