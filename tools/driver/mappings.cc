#include "mappings.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "tracer.h"

namespace kmem::driver_host {
namespace {

constexpr unsigned long kPage = 4096;

/// Where a page of ours is in kmem's memory file; pages that follow one another there are mapped together.
struct Place {
  bool found = false;
  unsigned long offset = 0;
};

/// Which parts of the memory file are mapped where in this process.
class MemoryFile {
 public:
  MemoryFile() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      Part part;
      char name[16] = "";
      const int n = std::sscanf(line.c_str(), "%lx-%lx %*s %lx %*s %*s %15s", &part.begin, &part.end, &part.offset, name);
      if (n == 4 && std::string(name) == "/memfd:kmem") parts_.push_back(part);
    }
  }
  Place find(const void* page) const {
    const auto at = reinterpret_cast<unsigned long>(page);
    for (const Part& part : parts_)
      if (at >= part.begin && at < part.end) return {true, part.offset + (at - part.begin)};
    return {};
  }
  /// -1: this kmem has none (alias=1).
  static int descriptor() {
    static const int fd = look();
    return fd;
  }

 private:
  struct Part {
    unsigned long begin, end, offset;
  };
  static int look() {
    for (int fd = 0; fd < 1024; ++fd) {
      char to[64] = "";
      const std::string path = "/proc/self/fd/" + std::to_string(fd);
      if (readlink(path.c_str(), to, sizeof to - 1) > 0 && std::string(to).rfind("/memfd:kmem ", 0) == 0) return fd;
    }
    return -1;
  }
  std::vector<Part> parts_;
};

struct Mapped {
  pid_t process;
  int pidfd;
  unsigned long begin, end;
  kmem_driver_mapping* mapping;
};
std::mutex mutex;
std::list<Mapped> mapped;
std::atomic<size_t> nr_mapped{0};

void end(const Mapped& m) {
  kmem_driver_munmap(m.mapping);
  if (m.pidfd >= 0) ::close(m.pidfd);
}

template <typename Condition>
std::list<Mapped> take_out(Condition condition) {
  std::list<Mapped> taken;
  if (!nr_mapped) return taken;
  const std::lock_guard lock(mutex);
  for (auto it = mapped.begin(); it != mapped.end();) {
    const auto next = std::next(it);
    if (condition(*it)) taken.splice(taken.end(), mapped, it);
    it = next;
  }
  nr_mapped = mapped.size();
  return taken;
}

/// Pages that follow one another in the file, or that are not there, as one piece.
struct Piece {
  bool there;
  unsigned long at, bytes, offset;
};
std::vector<Piece> pieces_of(const kmem_driver_mapping* mapping, unsigned long start, unsigned long nr) {
  const MemoryFile file;
  std::vector<Piece> pieces;
  for (unsigned long i = 0; i < nr; ++i) {
    const void* page = kmem_driver_mapping_page(mapping, i);
    const Place place = page ? file.find(page) : Place{};
    Piece* last = pieces.empty() ? nullptr : &pieces.back();
    if (last && last->there == place.found && (!place.found || last->offset + last->bytes == place.offset))
      last->bytes += kPage;
    else pieces.push_back({place.found, start + i * kPage, kPage, place.offset});
  }
  return pieces;
}

/// Behind the end of the file, where an access is a bus error.
constexpr unsigned long kNowhere = 1ul << 50;

long show_pieces(Tracer& tracer, const std::vector<Piece>& pieces, int prot, int flags, int file) {
  for (const Piece& piece : pieces) {
    const long got = tracer.call(SYS_mmap, {piece.at, piece.bytes, static_cast<unsigned long>(prot),
                                            static_cast<unsigned long>((flags & (MAP_SHARED | MAP_PRIVATE)) | MAP_FIXED),
                                            static_cast<unsigned long>(file), piece.there ? piece.offset : kNowhere});
    if (got != static_cast<long>(piece.at)) return got;
  }
  return 0;
}

/// A descriptor of the memory file in the program; negative: an error.
int lend_file(const Request& r, int listener) {
  seccomp_notif_addfd add = {};
  add.id = r.what.id;
  add.srcfd = static_cast<unsigned>(MemoryFile::descriptor());
  add.newfd_flags = O_CLOEXEC;
  const int fd = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
  return fd < 0 ? -errno : fd;
}

bool answer(const Request& r, int listener) {
  seccomp_notif_resp response = {};
  response.id = r.what.id;
  return !ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/// Room in the program, the driver's word, and its pages in the room.
long place_pages(const Request& r, Tracer& tracer, int driver, int file) {
  const unsigned long bytes = (r.arg(1) + kPage - 1) / kPage * kPage;
  const int prot = r.fd(2), flags = r.fd(3);
  const auto room_flags = static_cast<unsigned long>(MAP_PRIVATE | MAP_ANONYMOUS | (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)));
  const long room = tracer.call(SYS_mmap, {r.arg(0), bytes, PROT_NONE, room_flags, ~0ul, 0});
  if (room < 0 && room > -4096) return room;
  const auto start = static_cast<unsigned long>(room);
  int error = 0;
  kmem_driver_mapping* mapping = kmem_driver_mmap(driver, start, bytes, prot, flags, static_cast<off_t>(r.arg(5)), &error);
  long shown = error;
  if (mapping) shown = show_pieces(tracer, pieces_of(mapping, start, bytes / kPage), prot, flags, file);
  if (shown) {
    if (mapping) kmem_driver_munmap(mapping);
    tracer.call(SYS_munmap, {start, bytes});
    return shown;
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, r.who.tgid, 0));
  const std::lock_guard lock(mutex);
  mapped.push_back({r.who.tgid, pidfd, start, start + bytes, mapping});
  nr_mapped = mapped.size();
  return room;
}

}  // namespace

bool map_file(const Request& r, int listener, int driver, long* error) {
  if (MemoryFile::descriptor() < 0 || !r.arg(1)) return *error = r.arg(1) ? -ENODEV : -EINVAL, false;
  const int file = lend_file(r, listener);
  if (file < 0) return *error = file, false;
  Tracer tracer(r.pid(), r.what.data.instruction_pointer);
  if (!tracer.is_there()) return *error = -EPERM, false;  // somebody else traces it; the lent descriptor stays
  if (!answer(r, listener) || !tracer.stop()) return true;
  tracer.set_result(place_pages(r, tracer, driver, file));
  tracer.call(SYS_close, {static_cast<unsigned long>(file)});
  return true;
}

void note_unmapped(const Request& r) {
  const unsigned long begin = r.arg(0), behind = begin + r.arg(1);
  const pid_t process = r.who.tgid;
  for (const Mapped& m : take_out([=](const Mapped& m) { return m.process == process && m.begin >= begin && m.end <= behind; }))
    end(m);
}

bool are_any_mapped() { return nr_mapped; }

bool forget_ended() {
  const auto gone = take_out([](const Mapped& m) {
    pollfd ended = {m.pidfd, POLLIN, 0};
    return m.pidfd < 0 || poll(&ended, 1, 0) > 0;
  });
  for (const Mapped& m : gone) end(m);
  return !gone.empty();
}

}  // namespace kmem::driver_host
