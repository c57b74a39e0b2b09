#pragma once
// What is looked into: the memory of a process, or what a core file has kept of one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kmem::tool {

/// A stretch of addresses with something behind it.
struct Range {
  uint64_t from = 0, to = 0;
  bool readable = false, writable = false, executable = false, shared = false;
  uint64_t offset = 0;  // of `from` in the file
  std::string path;     // "" for anonymous memory, "[stack]" ...
  bool is_file() const { return !path.empty() && path[0] == '/'; }
  /// Private memory of no file: a page that nobody touched reads as zero.
  bool is_anonymous() const { return path.empty() || path[0] == '['; }
};

/// A line of /proc/PID/maps.  False: it is none.
bool read_range(const std::string& line, Range& range);

struct Thread {
  int id = 0;
  std::vector<uint64_t> registers;  // empty where they cannot be had
  uint64_t stack = 0;               // where its stack ends; 0: not known
};
/// Of registers as ptrace and core files have them.
uint64_t stack_pointer(const std::vector<uint64_t>& registers);

/// Reads the memory of somebody else.  Nothing here is believed: sizes and addresses may be any.
class Target {
 public:
  virtual ~Target() = default;
  /// The bytes that could be read, from the first on.
  virtual size_t read(uint64_t at, void* to, size_t bytes) = 0;
  /// A piece of a range into zeroed memory; what is not there stays zero.  Bytes that should have been there and could not
  /// be read.  Allocates nothing: it is called from a signal handler.
  virtual size_t copy(const Range& range, uint64_t at, char* to, size_t bytes) = 0;
  virtual std::vector<Thread> threads() = 0;
  /// Which addresses of a stretch huge pages back, from and to, in order.  False: the host does not tell.
  virtual bool huge_pages(uint64_t, uint64_t, std::vector<std::pair<uint64_t, uint64_t>>&) { return false; }
  virtual bool is_core() const = 0;
  /// How much there is to read, about.
  virtual uint64_t bytes() const { return resident_; }
  /// A process whose threads do not stand still meanwhile.
  virtual bool runs_on() const { return false; }
  /// What it has mapped since it was opened, and has no more.
  virtual void read_again() {}

  const std::vector<Range>& ranges() const { return ranges_; }  // by address
  const Range* range_of(uint64_t at) const;
  int pid() const { return pid_; }
  int parent() const { return parent_; }
  const std::string& name() const { return name_; }
  uint64_t resident() const { return resident_; }
  uint64_t resident_peak() const { return resident_peak_; }

  template <typename T>
  bool get(uint64_t at, T& value) {
    return read(at, &value, sizeof value) == sizeof value;
  }

 protected:
  std::vector<Range> ranges_;
  int pid_ = 0, parent_ = 0;
  std::string name_;
  uint64_t resident_ = 0, resident_peak_ = 0;
};

/// Does a process run on while it is looked at, or do all its threads stand still as long as its Target exists?
enum class Meanwhile : bool { Runs, Stands };
/// A running process.  Throws a Failure where it cannot be read.
std::unique_ptr<Target> open_process(int pid, Meanwhile meanwhile = Meanwhile::Runs);
/// Writes to the memory of a process; what may not be written is a Failure.
void write_process(int pid, uint64_t at, const void* from, size_t bytes);
std::unique_ptr<Target> open_core(const std::string& file);
/// A number is a process, all else the name of a file.
std::unique_ptr<Target> open_target(const std::string& what, Meanwhile meanwhile = Meanwhile::Runs);

}  // namespace kmem::tool
