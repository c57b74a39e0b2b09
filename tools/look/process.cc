// A running process, by /proc and process_vm_readv(): nothing happens in it, and it is stopped only where that is asked for.

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "../kmem/failure.h"
#include "target.h"

namespace kmem::tool {

bool read_range(const std::string& line, Range& range) {
  unsigned long long from, to, offset;
  char rights[8] = {};
  int path_at = 0;
  if (std::sscanf(line.c_str(), "%llx-%llx %7s %llx %*s %*s %n", &from, &to, rights, &offset, &path_at) < 4) return false;
  range = {from, to, rights[0] == 'r', rights[1] == 'w', rights[2] == 'x', rights[3] == 's', offset, {}};
  if (path_at > 0 && static_cast<size_t>(path_at) < line.size()) range.path = line.substr(static_cast<size_t>(path_at));
  return from < to;
}

namespace {

constexpr uint64_t kPage = 4096;

std::string path_of(int pid, const char* name) { return fmt::format("/proc/{}/{}", pid, name); }

std::vector<int> tasks_of(int pid) {
  std::vector<int> tasks;
  DIR* folder = opendir(path_of(pid, "task").c_str());
  while (const dirent* entry = folder ? readdir(folder) : nullptr)
    if (const int id = std::atoi(entry->d_name)) tasks.push_back(id);
  if (folder) closedir(folder);
  return tasks;
}

/// Threads that stand still while this exists, as a debugger stops them: no signal is seen by the program.
class Stopped {
 public:
  explicit Stopped(int pid) {
    for (size_t before = ~size_t{0}; before != ids_.size();) {  // threads that begin meanwhile
      before = ids_.size();
      for (int id : tasks_of(pid))
        if (std::find(ids_.begin(), ids_.end(), id) == ids_.end() && stop(id)) ids_.push_back(id);
    }
    // Only now and here: questions are answered in a child, which is not the one that traces.
    for (int id : ids_) threads_.push_back({id, registers(id), 0});
    for (Thread& thread : threads_) thread.stack = stack_pointer(thread.registers);
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() {
    for (int id : ids_) ptrace(PTRACE_DETACH, id, nullptr, nullptr);
  }
  const std::vector<Thread>& threads() const { return threads_; }

 private:
  static std::vector<uint64_t> registers(int id) {
    user_regs_struct all{};
    iovec to{&all, sizeof all};
    if (ptrace(PTRACE_GETREGSET, id, NT_PRSTATUS, &to)) return {};
    const auto* words = reinterpret_cast<const uint64_t*>(&all);
    return {words, words + to.iov_len / sizeof *words};
  }
  static bool stop(int id) {
    if (ptrace(PTRACE_SEIZE, id, nullptr, nullptr) || ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr)) return false;
    int status;
    return waitpid(id, &status, __WALL) == id && WIFSTOPPED(status);
  }
  std::vector<int> ids_;
  std::vector<Thread> threads_;
};

/// PAGEMAP_SCAN's, which Linux has since 6.7 and the headers of older systems do not.
struct PageRegion {
  uint64_t start, end, categories;
};
struct PageScan {
  uint64_t size, flags, start, end, walk_end, regions, most_regions, most_pages, inverted, all_of, any_of, told;
};
constexpr uint64_t kIsHuge = uint64_t{1} << 6;

[[noreturn]] void refuse(int pid) {
  throw Failure(fmt::format("process {} may not be read: {}", pid,
                            "that needs the right to trace it (same user, or CAP_SYS_PTRACE; see ptrace(2))"));
}

class Process : public Target {
 public:
  Process(int pid, Meanwhile meanwhile) {
    pid_ = pid;
    if (meanwhile == Meanwhile::Stands) stopped_ = std::make_unique<Stopped>(pid);
    read_ranges();
    read_status();
    pagemap_ = open(path_of(pid, "pagemap").c_str(), O_RDONLY | O_CLOEXEC);
  }
  ~Process() override {
    if (pagemap_ >= 0) close(pagemap_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  bool is_core() const override { return false; }
  bool runs_on() const override { return !stopped_; }
  void read_again() override {
    ranges_.clear();
    read_ranges();
    read_status();
  }

  size_t read(uint64_t at, void* to, size_t bytes) override {
    const iovec local{to, bytes}, remote{reinterpret_cast<void*>(at), bytes};
    const ssize_t got = process_vm_readv(pid_, &local, 1, &remote, 1, 0);
    return got > 0 ? static_cast<size_t>(got) : 0;
  }

  // A page that was never touched is not read: reading it would give the process a page table for it.
  size_t copy(const Range& range, uint64_t at, char* to, size_t bytes) override {
    size_t lost = 0;
    for (const uint64_t end = at + bytes; at < end;) {
      uint64_t entries[kEntries];
      const uint64_t first = at / kPage, want = std::min<uint64_t>(kEntries, (end - 1) / kPage - first + 1);
      const bool known = range.is_anonymous() && !range.shared && present(first, entries, want);
      if (!known) std::fill(entries, entries + want, kIsThere);
      for (uint64_t i = 0; i < want; ++i)
        if (known && (entries[i] & kIsGuard)) entries[i] = 0;
      const uint64_t next = std::min(end, (first + want) * kPage);
      lost += copy_pages(at, next, to, entries);
      to += next - at;
      at = next;
    }
    return lost;
  }

  bool huge_pages(uint64_t from, uint64_t to, std::vector<std::pair<uint64_t, uint64_t>>& found) override {
    PageRegion regions[64];
    while (pagemap_ >= 0 && from < to) {
      PageScan scan{};
      scan.size = sizeof scan;
      scan.start = from, scan.end = to;
      scan.regions = reinterpret_cast<uint64_t>(regions), scan.most_regions = std::size(regions);
      scan.all_of = scan.told = kIsHuge;
      const int nr = ioctl(pagemap_, _IOWR('f', 16, PageScan), &scan);
      if (nr < 0) return false;
      for (int i = 0; i < nr; ++i) found.emplace_back(regions[i].start, regions[i].end);
      if (scan.walk_end <= from) break;
      from = scan.walk_end;
    }
    return pagemap_ >= 0;
  }

  std::vector<Thread> threads() override {
    if (stopped_) return stopped_->threads();
    std::vector<Thread> all;
    for (int id : tasks_of(pid_)) all.push_back({id, {}, stack_of(id)});
    return all;
  }

 private:
  static constexpr size_t kEntries = 64;
  static constexpr uint64_t kIsThere = uint64_t{3} << 62;  // present, or swapped out
  static constexpr uint64_t kIsGuard = uint64_t{1} << 58;  // MADV_GUARD_INSTALL

  bool present(uint64_t first, uint64_t* entries, uint64_t nr) const {
    const auto bytes = static_cast<ssize_t>(nr * sizeof *entries);
    return pagemap_ >= 0 && pread(pagemap_, entries, static_cast<size_t>(bytes), static_cast<off_t>(first * 8)) == bytes;
  }

  /// From `at` to `end`, of pages of which the entries say whether they are there.
  size_t copy_pages(uint64_t at, uint64_t end, char* to, const uint64_t* entries) {
    size_t lost = 0;
    const uint64_t first = at / kPage;
    for (uint64_t here = at; here < end;) {
      uint64_t next = here;
      while (next < end && (entries[next / kPage - first] & kIsThere)) next = std::min(end, (next / kPage + 1) * kPage);
      if (next == here) {
        here = (here / kPage + 1) * kPage;
        continue;
      }
      lost += read_run(here, next, to + (here - at));
      here = next;
    }
    return lost;
  }

  /// Pages that are there; one of them may have gone by now, or be closed as a guard.
  size_t read_run(uint64_t from, uint64_t to, char* into) {
    size_t lost = 0;
    for (uint64_t here = from; here < to;) {
      here += read(here, into + (here - from), static_cast<size_t>(to - here));
      if (here >= to) break;
      const uint64_t next = std::min(to, (here / kPage + 1) * kPage);
      lost += next - here;
      here = next;
    }
    return lost;
  }

  /// Of a thread that waits in the kernel: "NR ARGUMENTS SP PC"; 0 of one that runs.
  uint64_t stack_of(int id) const {
    std::ifstream file(fmt::format("/proc/{}/task/{}/syscall", pid_, id));
    std::string line;
    std::getline(file, line);
    const size_t pc = line.rfind(' '), sp = pc == std::string::npos ? pc : line.rfind(' ', pc - 1);
    return sp == std::string::npos ? 0 : std::strtoull(line.c_str() + sp, nullptr, 16);
  }

  void read_ranges() {
    std::ifstream maps(path_of(pid_, "maps"));
    if (!maps && (errno == EACCES || errno == EPERM)) refuse(pid_);
    if (!maps) throw Failure(fmt::format("process {}: {}", pid_, errno == ENOENT ? "there is none" : std::strerror(errno)));
    for (std::string line; std::getline(maps, line);)
      if (Range range; read_range(line, range)) ranges_.push_back(range);
  }

  void read_status() {
    std::ifstream status(path_of(pid_, "status"));
    for (std::string line; std::getline(status, line);) {
      std::istringstream words(line);
      std::string name;
      words >> name;
      if (name == "Name:") name_ = line.substr(std::min(line.size(), size_t{6}));  // behind "Name:" and a tab
      if (name == "PPid:") words >> parent_;
      if (name == "VmRSS:" && words >> resident_) resident_ *= 1024;
      if (name == "VmHWM:" && words >> resident_peak_) resident_peak_ *= 1024;
    }
  }

  std::unique_ptr<Stopped> stopped_;
  int pagemap_ = -1;
};

}  // namespace

std::unique_ptr<Target> open_process(int pid, Meanwhile meanwhile) {
  auto process = std::make_unique<Process>(pid, meanwhile);
  char byte;
  for (const Range& range : process->ranges())
    if (range.readable && range.is_file()) {
      if (process->read(range.from, &byte, 1)) return process;
      if (errno == EPERM) refuse(pid);
    }
  throw Failure(fmt::format("process {} has no memory that can be read: it is ending, or a thread of the kernel's", pid));
}

void write_process(int pid, uint64_t at, const void* from, size_t bytes) {
  const iovec local{const_cast<void*>(from), bytes}, remote{reinterpret_cast<void*>(at), bytes};
  if (process_vm_writev(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes)) return;
  const bool forbidden = errno == EPERM;
  throw Failure(fmt::format("process {} cannot be written to: {}", pid,
                            forbidden ? "that needs the right to trace it (same user, or CAP_SYS_PTRACE; see ptrace(2))"
                                      : "it has ended, or is ending"));
}

}  // namespace kmem::tool
