#pragma once
// A program's thread whose call is asked about: its memory, its descriptors, who it is.

#include <kmem/driver.h>
#include <sys/types.h>

#include <string>
#include <string_view>

namespace kmem::driver_host {

/// How much of `n` bytes could be copied.
size_t read_memory(pid_t pid, void* to, unsigned long from, size_t n);
size_t write_memory(pid_t pid, unsigned long to, const void* from, size_t n);
template <typename T>
bool read_value(pid_t pid, unsigned long from, T* to) {
  return read_memory(pid, to, from, sizeof(T)) == sizeof(T);
}

/// A string of at most a path's length.  False: it is not readable, or longer.
bool read_path(pid_t pid, unsigned long from, std::string* path);
/// As an absolute path without "." and "..", by the names alone; empty where the folder that it begins in is not known.
std::string resolve(pid_t pid, int folder, const std::string& path);

/// The number of the pipe that a descriptor is; 0 for anything else.
unsigned long pipe_number(pid_t pid, int fd);
/// The same file in this process; -1.
int copy_descriptor(pid_t process, int fd);

/// A moment old at most.
kmem_driver_caller who_is(pid_t pid, bool surely_now);

struct Signals {
  unsigned long pending = 0, blocked = 0;
};
Signals signals_of(pid_t pid);

}  // namespace kmem::driver_host
