#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kmem::tool {

struct TopOptions {
  int pid = 0;  // 0: all processes that run on kmem
  double interval = 1;
  unsigned count = 0;  // looks; 0: until it is ended
  bool batch = false;
  std::string sort = "held", filter, module;
};

/// kmem top.
void top(const TopOptions& options);

/// What a line is to the eye.
enum class Look { Plain, Bold, Title, Chosen, Help };
struct ScreenLine {
  std::string text;
  Look look = Look::Plain;
};

/// One row of the table, before it is text: of a cache, or of a process.
struct TopRow {
  std::string name;     // of the cache, or the process
  int pid = 0;          // of a process
  std::string extra;    // a process's top cache
  uint64_t object = 0;  // bytes
  uint64_t in_use = 0, cached = 0, held = 0, resident = 0;
  uint64_t misses = 0;    // calls that left the fast path, ever
  int64_t grown = 0;      // bytes held, since the first look
  double per_second = 0;  // the same, since the last
  double misses_per_second = 0;
};

/// The numbers behind a screen, and how they changed.
class TopTable {
 public:
  /// `now`: seconds of any clock.  Rows are known by their names and processes.
  void update(std::vector<TopRow> rows, double now);
  void sort_by(const std::string& what);
  const std::vector<TopRow>& rows() const { return rows_; }
  /// The row that grew most since the first look; null where none did.
  const TopRow* most_grown() const;

 private:
  struct Seen {
    uint64_t first = 0, last = 0, misses = 0;
  };
  std::vector<TopRow> rows_;
  std::map<std::pair<int, std::string>, Seen> seen_;
  double then_ = 0;
  bool begun_ = false;
};

/// The state of a screen that keys change.
struct TopView {
  int pid = 0;
  std::string sort = "held", filter, cache;  // `cache`: whose call sites are shown
  size_t chosen = 0;                         // a row
  bool frozen = false, typing = false;       // the filter
};

/// Asks for what a view shows, and makes it lines.
class Top {
 public:
  explicit Top(const TopOptions& options);
  /// New numbers.  Throws a Failure where the process is gone.
  void look(double now);
  std::vector<ScreenLine> lines(size_t width, size_t height) const;
  TopView& view() { return view_; }
  /// The chosen row is a process: its caches; a cache: its call sites.
  void enter();
  /// Back to where enter() came from; false: there is nothing before.
  bool back();
  void choose(long by);
  void set_interval(double seconds) { interval_ = seconds; }

 private:
  std::vector<TopRow> shown() const;
  void look_at_all(double now);
  void look_at_one(double now);
  void look_at_sites();

  TopOptions options_;
  TopView view_;
  TopTable table_;
  std::vector<std::string> head_;
  std::vector<std::string> sites_;
  double interval_ = 1;
};

/// With ncurses, until a key or the count ends it.
void run_screen(Top& top, const TopOptions& options);

}  // namespace kmem::tool
