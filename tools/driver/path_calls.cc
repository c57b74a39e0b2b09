// Calls that name a file: of a driver's nodes, and no others.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>

#include "mappings.h"
#include "request.h"

namespace kmem::driver_host {
namespace {

/// The file system of all of a driver's files, by an unnamed device number that Linux comes to after a million mounts.
constexpr unsigned kFileSystem = 0xfffff;

struct Node {
  bool found = false, folder = false;
  NodeFacts facts;
};

unsigned long number_of(const std::string& path) { return std::hash<std::string>()(path) | 1; }

Node look_up(const std::string& path) {
  struct Search {
    const std::string& path;
    Node node;
  } search = {path, {}};
  kmem_driver_each_node(
      path.c_str(),
      [](const char* at, unsigned mode, unsigned major, unsigned minor, void* data) {
        auto* s = static_cast<Search*>(data);
        if (s->path != at) return s->node.folder = true, 0;
        s->node = {true, false, {mode, major, minor, number_of(s->path)}};
        return 1;
      },
      &search);
  Node& node = search.node;
  // A folder that the system has too is the system's.
  if (!node.found && node.folder && access(path.c_str(), F_OK) != 0)
    node = {true, true, {S_IFDIR | 0555, 0, 0, number_of(path)}};
  return node;
}

/// The path that argument `n` points to; empty where it cannot be read, which the kernel will say.
std::string path_of(const Request& r, int n, int folder) {
  std::string path;
  return read_path(r.pid(), r.arg(n), &path) ? resolve(r.pid(), folder, path) : std::string();
}

struct stat stat_of(const NodeFacts& node) {
  struct stat s = {};
  s.st_dev = makedev(0, kFileSystem);
  s.st_ino = node.number;
  s.st_mode = node.mode;
  s.st_nlink = 1;
  s.st_blksize = 4096;
  if (S_ISCHR(node.mode)) s.st_rdev = makedev(node.major, node.minor);
  return s;
}

struct statx statx_of(const NodeFacts& node) {
  struct statx s = {};
  s.stx_dev_minor = kFileSystem;
  s.stx_ino = node.number;
  s.stx_mask = STATX_BASIC_STATS;
  s.stx_mode = static_cast<unsigned short>(node.mode);
  s.stx_nlink = 1;
  s.stx_blksize = 4096;
  s.stx_rdev_major = S_ISCHR(node.mode) ? node.major : 0;
  s.stx_rdev_minor = S_ISCHR(node.mode) ? node.minor : 0;
  return s;
}

Answer told(const Request& r, const Node& node, int buffer) {
  if (!node.found) return pass();
  const NodeFacts& facts = node.facts;
  const bool ok =
      r.what.data.nr == SYS_statx ? r.write(r.arg(buffer), statx_of(facts)) : r.write(r.arg(buffer), stat_of(facts));
  return result(ok ? 0 : -EFAULT);
}

/// What fstat() is to say: a character device, as nobody can tell from the open file which node it was opened by.
Answer told_of_open(const Request& r, int fd, int buffer) {
  const FilePointer file = r.files.find(r.pid(), fd);
  if (!file) return pass();
  return told(r, {true, false, file->node}, buffer);
}

/// newfstatat() and statx(): by a path, or of an open file where the path is empty.
Answer told_at(const Request& r, int flags, int buffer) {
  if (flags & AT_EMPTY_PATH) {
    char first = 0;
    if (!r.arg(1) || (read_value(r.pid(), r.arg(1), &first) && !first)) return told_of_open(r, r.fd(0), buffer);
  }
  return told(r, look_up(path_of(r, 1, r.fd(0))), buffer);
}

Answer open_node(const Request& r, const std::string& path, int flags) {
  forget_ended();
  r.files.reap(false);
  const Node node = look_up(path);
  if (!node.found) return pass();
  if (node.folder) return result(-EACCES);
  if (flags & O_DIRECTORY) return result(-ENOTDIR);
  if (flags & O_PATH) return pass();
  if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return result(-EEXIST);
  // Who opens is remembered, and may have become another program a moment ago.
  const kmem_driver_caller now = who_is(r.pid(), true);
  kmem_driver_act_as(&now);
  const int driver = kmem_driver_open(path.c_str(), flags);
  if (driver < 0) return result(driver);
  Answer answer = result(0);
  answer.give = r.files.add(driver, node.facts);
  answer.close_on_exec = (flags & O_CLOEXEC) != 0;
  return answer.give < 0 ? result(-ENFILE) : answer;
}

Answer open_by(const Request& r) {
  switch (r.what.data.nr) {
#ifdef SYS_open
    case SYS_open: return open_node(r, path_of(r, 0, AT_FDCWD), r.fd(1));
    case SYS_creat: return open_node(r, path_of(r, 0, AT_FDCWD), O_CREAT | O_WRONLY | O_TRUNC);
#endif
    case SYS_openat2: {
      open_how how;
      if (!read_value(r.pid(), r.arg(2), &how)) return pass();
      return open_node(r, path_of(r, 1, r.fd(0)), static_cast<int>(how.flags));
    }
    default: return open_node(r, path_of(r, 1, r.fd(0)), r.fd(2));
  }
}

/// access(), chmod(), chown(): they succeed on a node, as they do for root.
Answer allowed(const std::string& path) { return look_up(path).found ? result(0) : pass(); }

Answer removed(const std::string& path) {
  const Node node = look_up(path);
  return node.found && S_ISCHR(node.facts.mode) ? result(kmem_driver_unlink(path.c_str())) : pass();
}

/// A char device that a program makes is a driver's.
Answer made(const std::string& path, unsigned long mode, unsigned long device) {
  if (!S_ISCHR(mode) || path.empty()) return pass();
  return result(kmem_driver_mknod(path.c_str(), static_cast<unsigned>(mode), major(device), minor(device)));
}

}  // namespace

Answer answer_path_call(const Request& r) {
  switch (r.what.data.nr) {
    case SYS_fstat: return told_of_open(r, r.fd(0), 1);
    case SYS_newfstatat: return told_at(r, r.fd(3), 2);
    case SYS_statx: return told_at(r, r.fd(2), 4);
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_fchmodat:
    case SYS_fchownat: return allowed(path_of(r, 1, r.fd(0)));
    case SYS_unlinkat: return removed(path_of(r, 1, r.fd(0)));
    case SYS_mknodat: return made(path_of(r, 1, r.fd(0)), r.arg(2), r.arg(3));
#ifdef SYS_open
    case SYS_stat:
    case SYS_lstat: return told(r, look_up(path_of(r, 0, AT_FDCWD)), 1);
    case SYS_access:
    case SYS_chmod:
    case SYS_chown: return allowed(path_of(r, 0, AT_FDCWD));
    case SYS_unlink: return removed(path_of(r, 0, AT_FDCWD));
    case SYS_mknod: return made(path_of(r, 0, AT_FDCWD), r.arg(1), r.arg(2));
#endif
    default: return open_by(r);
  }
}

}  // namespace kmem::driver_host
