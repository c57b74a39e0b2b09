#pragma once
// The groups of processes (cgroups, v2 or v1) that this one is in and that have a limit on memory.

#include <stddef.h>
#include <stdint.h>

namespace linux_port {

/// Where the host tells of groups; tests have a tree of their own.
struct GroupRoots {
  const char* own = "/proc/self/cgroup";
  const char* v2 = "/sys/fs/cgroup";
  const char* v1 = "/sys/fs/cgroup/memory";
};

/// This process' group and those above it, as far as they had a limit when they were looked for.
class MemoryGroups {
 public:
  static constexpr uint64_t kNone = ~uint64_t{0};

  void find(const GroupRoots& roots);
  /// Bytes: the lowest limit as it is now; kNone where there is none.
  uint64_t limit() const;
  /// Bytes that are left: where they are fewest, of the limit less what all processes of the group have, less half of the head
  /// room.  Page cache is not counted as taken: the host gives it up first.  kNone where there is no limit, or where it cannot
  /// be read any more.
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

/// What of a group's limit is for the frames: it is for all that the process has, its code, stacks and page tables, and our
/// own tables, too.
uint64_t without_head_room(uint64_t limit);

/// Finds the groups of this process; the lowest limit, 0 where there is none.
uint64_t find_groups();

}  // namespace linux_port
