#pragma once
// A look: questions that are answered in a child of the tool, where the target's memory is mirrored.  Whatever is wrong with
// that memory, the tool only ever reads the child's answers.

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../kmem/failure.h"
#include "find_kmem.h"
#include "mirror.h"
#include "own_core.h"
#include "system/system.h"

namespace kmem::tool {

/// Of CPU time, by how much the target has.
unsigned seconds_for_all(const Target& target);

/// In the child.
class Looker {
 public:
  Looker(Target& target, const KmemPlace& place, int to);
  /// An answer, on its way at once.
  void put(const nlohmann::json& answer);
  /// Does a part of the work; false, and the reason is put, where that went astray.  `work` may allocate only what may be
  /// lost.
  template <typename F>
  bool part(const std::string& part, const std::string& name, F work, unsigned seconds = 2) {
    if (spent_ >= kMostSeconds) return skip(part, name, "no time is left for it");
    const Astray astray = mirror_.run(work, seconds);
    if (astray.kind == Astray::None) return true;
    if (astray.kind == Astray::Time) spent_ += seconds;
    return skip(part, name, astray.text());
  }
  /// For the core's own looks.
  Parts parts();
  /// Of CPU time, for a part that goes over all that the target has.
  unsigned seconds_for_all() const { return kmem::tool::seconds_for_all(target_); }
  Mirror& mirror() { return mirror_; }
  Target& target() { return target_; }
  const KmemPlace& place() const { return place_; }
  /// Says what was lost on the way.
  void finish();

 private:
  static constexpr unsigned kMostSeconds = 12;  // of CPU time, for all that has no end
  bool skip(const std::string& part, const std::string& name, const std::string& why);

  Target& target_;
  const KmemPlace& place_;
  Mirror mirror_;
  int to_;
  unsigned spent_ = 0;
};

/// What came back.
struct Answers {
  std::vector<nlohmann::json> all;
  std::vector<nlohmann::json> skipped;  // {"part", "name", "why"}
  uint64_t lost_bytes = 0;              // went away while they were read
  std::string trouble;                  // the child did not end as it should; empty: it did
  bool conflict = false;                // its addresses are taken here
  /// The first answer that has the member; null where none does.
  const nlohmann::json* find(const char* member) const;
};

/// What to tell a user who gets no answer: why, as far as it is known.
Failure not_read(const Target& target, const Answers& answers);

/// Asks.  Ends after `seconds`, whatever happens: far more than it needs, as the child lets all others go first.
Answers look(Target& target, const KmemPlace& place, const std::function<void(Looker&)>& ask, unsigned seconds = 60);

/// For main(), before anything else: another arrangement of our addresses, where a look met ours.  Executes the tool anew with
/// the same arguments; throws a Failure where that did not help many times.
[[noreturn]] void start_over();
/// The same once, beforehand: for looks at many processes, each of which would be in the way of one of us.
void move_out_of_the_way();

/// The report of a process, as it writes it itself (docs/statistics.md); with "skipped", what could not be read.
/// Where our addresses are in its way, the tool starts over, or that is a Failure.
enum class InTheWay : bool { Fails, StartsOver };
nlohmann::json report_of(Target& target, const KmemPlace& place, InTheWay then = InTheWay::StartsOver);

}  // namespace kmem::tool
