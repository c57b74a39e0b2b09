#include "cgroup.h"

#include <string.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {

/// Files of a group, and the names of the page-cache lines in the last file, with the preceding newline and the following
/// blank.
struct MemoryGroups::Names {
  const char *limit, *usage, *inactive_cache, *active_cache;
};
const MemoryGroups::Names MemoryGroups::kV2 = {"memory.max", "memory.current", "\ninactive_file ", "\nactive_file "};
const MemoryGroups::Names MemoryGroups::kV1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "\ntotal_inactive_file ",
                                               "\ntotal_active_file "};

namespace {

constinit MemoryGroups groups;  // constant-initialised, because boot runs before constructors
constexpr uint64_t kEndless = uint64_t{1} << 60;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

uint64_t number_at(const char* text) {
  uint64_t n = 0;
  for (; is_digit(*text); ++text) n = n * 10 + static_cast<uint64_t>(*text - '0');
  return n;
}

uint64_t number_behind(const char* text, const char* name) {
  const char* at = strstr(text, name);
  return at ? number_at(at + strlen(name)) : 0;
}

/// "0::/a/b" of /proc/self/cgroup, or "5:memory:/a/b": the path, without the newline.
bool path_of(const char* text, const char* controller, char* path, size_t room) {
  const char* at = strstr(text, controller);
  if (!at) return false;
  at += strlen(controller);
  const size_t n = strcspn(at, "\n");
  if (n >= room) return false;
  memcpy(path, at, n);
  path[n] = 0;
  return true;
}

/// "folder/file" into `out`; false if there is no room.
bool join(char* out, size_t room, const char* folder, size_t n, const char* file) {
  const size_t m = strlen(file);
  if (n + m + 2 > room) return false;
  memcpy(out, folder, n);
  out[n] = '/';
  memcpy(out + n + 1, file, m + 1);
  return true;
}

uint64_t head_room(uint64_t limit) { return limit - without_head_room(limit); }

}  // namespace

uint64_t without_head_room(uint64_t limit) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  uint64_t room = limit / 16 + 4 * kMiB;
  if (room > 256 * kMiB) room = 256 * kMiB;
  return room < limit / 2 ? limit - room : limit / 2;
}

void MemoryGroups::find(const GroupRoots& roots) {
  char text[1024], path[sizeof text];
  nr_ = 0;
  if (!read_file(roots.own, text, sizeof text)) return;
  if (path_of(text, "0::", path, sizeof path)) find_on_path(roots.v2, path, kV2);
  if (nr_) return;
  if (path_of(text, ":memory:", path, sizeof path) || path_of(text, ",memory:", path, sizeof path))
    find_on_path(roots.v1, path, kV1);
}

/// Adds the group at the end of the path and all groups above it, up to the mount's root.
void MemoryGroups::find_on_path(const char* mount, const char* path, const Names& names) {
  names_ = &names;
  for (size_t n = strlen(path);; --n) {
    if (n && path[n] != '/' && path[n] != 0) continue;
    Group& group = groups_[nr_];
    const size_t m = strlen(mount);
    if (m + n < sizeof group.folder) {
      memcpy(group.folder, mount, m);
      memcpy(group.folder + m, path, n);
      group.folder[m + n] = 0;
      const uint64_t limit = number_in(group, names.limit);
      if (limit && limit != kNone) ++nr_;
    }
    if (!n || nr_ == sizeof groups_ / sizeof groups_[0]) return;
  }
}

/// "max", v1's largest number and unreadable files mean no limit.
uint64_t MemoryGroups::number_in(const Group& group, const char* file) const {
  char path[sizeof group.folder + 32], text[32];
  if (!join(path, sizeof path, group.folder, strlen(group.folder), file)) return kNone;
  if (!read_file(path, text, sizeof text) || !is_digit(text[0])) return kNone;
  const uint64_t n = number_at(text);
  return n < kEndless ? n : kNone;
}

uint64_t MemoryGroups::limit() const {
  uint64_t least = kNone;
  for (unsigned i = 0; i < nr_; ++i) {
    const uint64_t limit = number_in(groups_[i], names_->limit);
    if (limit < least) least = limit;
  }
  return least;
}

uint64_t MemoryGroups::cache_of(const Group& group) const {
  static char text[4096];  // one task at a time; too large for a small stack
  char path[sizeof group.folder + 32];
  if (!join(path, sizeof path, group.folder, strlen(group.folder), "memory.stat") || !read_file(path, text, sizeof text))
    return 0;
  return number_behind(text, names_->inactive_cache) + number_behind(text, names_->active_cache);
}

uint64_t MemoryGroups::room_of(const Group& group) const {
  const uint64_t limit = number_in(group, names_->limit), usage = number_in(group, names_->usage);
  if (limit == kNone || usage == kNone) return kNone;
  uint64_t left = usage < limit ? limit - usage : 0;
  // Reading that file is slow, so only if little is left.
  if (left < limit / 4) left += cache_of(group);
  const uint64_t margin = head_room(limit) / 2;
  return left > margin ? left - margin : 0;
}

uint64_t MemoryGroups::room() const {
  uint64_t least = kNone;
  for (unsigned i = 0; i < nr_; ++i) {
    const uint64_t room = room_of(groups_[i]);
    if (room < least) least = room;
  }
  return least;
}

uint64_t find_groups() {
  groups.find({});
  const uint64_t limit = groups.limit();
  return limit == MemoryGroups::kNone ? 0 : limit;
}

}  // namespace linux_port

extern "C" uint64_t kmem_port_room() {
  static_assert(kmem::kNoBound == linux_port::MemoryGroups::kNone);
  const linux_port::KeepErrno keep;
  return linux_port::groups.room();
}
