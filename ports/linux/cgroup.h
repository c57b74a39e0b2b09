#pragma once
// The cgroups (v2 or v1) of this process that have a memory limit.

#include <stddef.h>
#include <stdint.h>

namespace linux_port {

/// The host's files about groups; tests have their own tree.
struct GroupRoots {
  const char* own = "/proc/self/cgroup";
  const char* v2 = "/sys/fs/cgroup";
  const char* v1 = "/sys/fs/cgroup/memory";
};

/// This process' group and those above it that had a limit at the time of find().
class MemoryGroups {
 public:
  static constexpr uint64_t kNone = ~uint64_t{0};

  void find(const GroupRoots& roots);
  /// The lowest current limit in bytes; kNone if there is none.
  uint64_t limit() const;
  /// The bytes left, as the minimum over the groups: the limit less the usage of all processes in the group, less half of the
  /// head room. Page cache does not count as usage, because the host reclaims it first. kNone if there is no limit, or it can
  /// no longer be read.
  uint64_t room() const;

 private:
  struct Names;
  struct Group {
    char folder[240] = {};
  };
  static const Names kV2, kV1;
  void find_on_path(const char* mount, const char* path, const Names& names);
  uint64_t number_in(const Group& group, const char* file) const;
  uint64_t cache_of(const Group& group) const;
  uint64_t room_of(const Group& group) const;

  const Names* names_ = nullptr;
  Group groups_[8] = {};
  unsigned nr_ = 0;
};

/// The part of a group's limit for the frames; the rest is for the process' code, stacks and page tables, and for kmem's own
/// tables.
uint64_t without_head_room(uint64_t limit);

/// Finds the groups of this process; returns the lowest limit, 0 if there is none.
uint64_t find_groups();

}  // namespace linux_port
