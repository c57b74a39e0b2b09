// Files behind addresses: /proc/self/maps, read line by line without allocation, and the mapping of a shared file.

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {
namespace {

/// Lines of /proc/self/maps; one that is longer than the buffer is cut.
class MapLines {
 public:
  MapLines() : fd_(static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC))) {}
  ~MapLines() {
    if (fd_ >= 0) syscall(SYS_close, fd_);
  }
  MapLines(const MapLines&) = delete;
  MapLines& operator=(const MapLines&) = delete;

  /// The next line, without its end; null after the last.
  char* next() {
    memmove(text_, text_ + taken_, kept_ -= taken_);
    taken_ = 0;
    for (;;) {
      if (auto* end = static_cast<char*>(memchr(text_, '\n', kept_))) return take(end);
      const long got = fd_ >= 0 && kept_ < sizeof text_ ? syscall(SYS_read, fd_, text_ + kept_, sizeof text_ - kept_) : 0;
      if (got <= 0) return nullptr;
      kept_ += static_cast<size_t>(got);
    }
  }

 private:
  char* take(char* end) {
    *end = 0;
    taken_ = static_cast<size_t>(end - text_) + 1;
    return text_;
  }

  int fd_;
  size_t kept_ = 0, taken_ = 0;
  char text_[4096 + 256];  // PATH_MAX and what stands before it
};

uint64_t take_hex(const char*& c) {
  uint64_t value = 0;
  for (;; ++c) {
    if (*c >= '0' && *c <= '9') value = value * 16 + static_cast<uint64_t>(*c - '0');
    else if (*c >= 'a' && *c <= 'f') value = value * 16 + static_cast<uint64_t>(*c - 'a' + 10);
    else return value;
  }
}

}  // namespace

// "from-to perms offset device inode   path"
bool find_mapping(uintptr_t address, char* file, size_t room, uint64_t& offset) {
  MapLines lines;
  while (const char* c = lines.next()) {
    const uint64_t from = take_hex(c), to = take_hex(++c);
    if (address < from || address >= to) continue;
    c += strlen(" rwxp ");
    offset = take_hex(c) + (address - from);
    const char* path = strchr(c, '/');
    if (!path || strlen(path) >= room) return false;
    strcpy(file, path);
    return true;
  }
  return false;
}

void* map_shared_file(const char* file, size_t bytes) {
  const long fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return nullptr;
  void* got = MAP_FAILED;
  const off_t length = lseek(static_cast<int>(fd), 0, SEEK_END);
  if (length >= 0 && (length >= static_cast<off_t>(bytes) || ftruncate(static_cast<int>(fd), static_cast<off_t>(bytes)) == 0))
    got = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(fd), 0);
  syscall(SYS_close, fd);
  return got == MAP_FAILED ? nullptr : got;
}

}  // namespace linux_port

// Of the lines those of files, and of code that has none: a heap has thousands of others.
void kmem_port_write_mappings(int file) {
  const linux_port::KeepErrno keep;
  linux_port::MapLines lines;
  while (char* line = lines.next()) {
    const char* rights = strchr(line, ' ');
    if (!rights || strlen(rights) < 4 || (rights[3] != 'x' && !strchr(line, '/'))) continue;
    kmem_port_write(file, line, strlen(line));
    kmem_port_write(file, "\n", 1);
  }
}
