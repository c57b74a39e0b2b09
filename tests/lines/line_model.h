#pragma once
// Which cache lines the CPUs of a simulated machine pass to and fro: a MESI model with caches that never evict.
//
// Every load and store of the core reports here, for it is compiled as if for ThreadSanitizer, whose calls
// line_hooks.cc answers.  What counts is a transfer: a CPU touches a line that another has written since, or writes
// one that another has touched since.  First touches, and what the test itself reads and writes, do not count.

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace lines {

enum class Access : uint8_t { Read, Write };

/// One place in the code, and how many transfers it caused.
struct Place {
  uintptr_t code = 0;
  uint64_t transfers = 0;
};

class LineModel {
 public:
  static constexpr uint32_t kMostCpus = 64;
  static constexpr unsigned kLineShift = 6;

  void touch(uint32_t cpu, uintptr_t address, unsigned bytes, Access access, uintptr_t code);
  /// Forgets the transfers, not the lines.
  void count_from_here();
  /// Forgets the lines too.
  void clear();

  uint64_t transfers() const { return transfers_; }
  /// The places that caused most transfers, those first.
  std::vector<Place> busiest(size_t n) const;

 private:
  static constexpr uint32_t kNobody = ~uint32_t{0};
  struct Line {
    uint64_t sharers = 0;       // the CPUs that have it in their cache
    uint32_t writer = kNobody;  // the CPU whose copy is the only one, and newer than memory
  };

  /// Whether the line has to come from another CPU, or be taken away from one.
  static bool moves(Line& line, uint32_t cpu, Access access);

  std::unordered_map<uintptr_t, Line> lines_;
  std::unordered_map<uintptr_t, uint64_t> by_place_;
  uint64_t transfers_ = 0;
};

/// The model that the hooks report to, on the CPU where the simulated machine stands.
LineModel& model();

/// While one lives, nothing is reported: for the test's own calls.
class Unseen {
 public:
  Unseen();
  ~Unseen();
  Unseen(const Unseen&) = delete;
};

}  // namespace lines
