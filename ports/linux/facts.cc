// Linux's facts about the machine: memory, CPUs, limits.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "cgroup.h"
#include "linux_port.h"
#include "port/machine.h"

namespace linux_port {
namespace {

uint64_t number_at(const char* text) {
  uint64_t n = 0;
  for (; *text >= '0' && *text <= '9'; ++text) n = n * 10 + static_cast<uint64_t>(*text - '0');
  return n;
}

}  // namespace

size_t read_file(const char* path, char* buffer, size_t bytes) {
  const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  buffer[0] = 0;
  if (fd < 0) return 0;
  size_t n = 0;
  for (long got; n + 1 < bytes && (got = syscall(SYS_read, fd, buffer + n, bytes - 1 - n)) > 0;) n += static_cast<size_t>(got);
  syscall(SYS_close, fd);
  buffer[n] = 0;
  return n;
}

uint64_t physical_bytes(bool heed_cgroup, bool& limited) {
  struct sysinfo info;
  uint64_t bytes = uint64_t{1} << 30;
  if (!syscall(SYS_sysinfo, &info)) bytes = static_cast<uint64_t>(info.totalram) * info.mem_unit;
  const uint64_t limit = heed_cgroup ? find_groups() : 0;
  limited = limit && limit < bytes;
  return limited ? without_head_room(limit) : bytes;
}

// "0-1", "0-3,8-11": the last number is the highest.
uint32_t possible_cpus() {
  char text[256];
  if (const size_t n = read_file("/sys/devices/system/cpu/possible", text, sizeof text)) {
    size_t at = n;
    while (at && (text[at - 1] < '0' || text[at - 1] > '9')) --at;
    while (at && text[at - 1] >= '0' && text[at - 1] <= '9') --at;
    const uint64_t cpus = number_at(text + at) + 1;
    if (cpus <= kmem::kMaxCpus) return static_cast<uint32_t>(cpus);
  }
  // Without sysfs, the size of the kernel's CPU masks is an upper bound.
  unsigned long mask[kmem::kMaxCpus / (8 * sizeof(long))] = {};
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  return bytes > 0 ? static_cast<uint32_t>(bytes) * 8 : kmem::kMaxCpus;
}

namespace {
constexpr unsigned kCpuWords = kmem::kMaxCpus / 64;
uint64_t kept_cpus[kCpuWords];
bool keeps_to_some = false;
}  // namespace

uint32_t keep_to_cpus(uint32_t nr) {
  uint64_t may[kCpuWords] = {};
  if (syscall(SYS_sched_getaffinity, 0, sizeof may, may) <= 0) return 0;
  uint32_t n = 0;
  for (uint64_t& word : may)
    for (uint64_t rest = word; rest; rest &= rest - 1, ++n)
      if (n >= nr) word &= ~(rest & -rest);
  if (syscall(SYS_sched_setaffinity, 0, sizeof may, may)) return 0;
  memcpy(kept_cpus, may, sizeof may);
  keeps_to_some = true;
  return n < nr ? n : nr;
}

void leave_kept_cpus(uint64_t* mask, unsigned words) {
  for (unsigned i = 0; keeps_to_some && i < words; ++i) mask[i] &= i < kCpuWords ? kept_cpus[i] : 0;
}

// "0-3,8-11"
bool read_cpus(const char* list, uint64_t* mask, unsigned words) {
  memset(mask, 0, words * sizeof *mask);
  char path[64] = "/sys/devices/system/cpu/", text[1024];
  strcat(path, list);
  if (!read_file(path, text, sizeof text)) return syscall(SYS_sched_getaffinity, 0, words * sizeof *mask, mask) > 0;
  for (const char* c = text; *c >= '0' && *c <= '9';) {
    const uint64_t first = number_at(c);
    while (*c >= '0' && *c <= '9') ++c;
    const uint64_t last = *c == '-' ? number_at(++c) : first;
    while (*c >= '0' && *c <= '9') ++c;
    for (uint64_t cpu = first; cpu <= last && cpu < words * 64; ++cpu) mask[cpu / 64] |= uint64_t{1} << cpu % 64;
    if (*c == ',') ++c;
  }
  return mask[0] != 0 || words > 1;
}

}  // namespace linux_port
