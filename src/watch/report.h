#pragma once
// Reports about mistakes. They neither allocate nor wait.

#include "base/atomic.h"
#include "base/attributes.h"
#include "base/format.h"
#include "watch/rate_limit.h"

namespace kmem {

/// A report under construction, on the caller's stack: lines are collected and handed to the port in one piece, so
/// that the lines of two threads do not mix.  Sent by the destructor at the latest.
///
/// Its buffer is small enough for a signal handler on a small stack. A report that outgrows it is cut, and its last line says
/// by how much.
class Report {
 public:
  static constexpr size_t kBytes = 2560;

  explicit Report(const char* prefix = "kmem: ") : text_(Span<char>(room_, kBytes - kTail)), prefix_(prefix) {}
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report() { send(); }

  /// One line: the prefix in front of it and the line's end are added here.
  Report& line(const char* format, ...) __attribute__((format(printf, 2, 3)));
  Report& vline(const char* format, va_list arguments);
  /// What a call trace says beside addresses.  A name is read from the program's files: a sandboxed program may not open any,
  /// so that only the reports do it that somebody has asked to name callers (slub_debug=U, docs/needs.md).
  enum class Names : uint8_t { None, FromFiles };

  /// "Call Trace:" and the callers' addresses, one a line, innermost first, with "name+0x12/0x340" where that is asked for and
  /// known.  Nothing where the port knows no caller.
  Report& call_trace(Names names = Names::None);
  /// The same for a trace taken earlier, with function names where they are known.
  Report& callers(void* const* frames, unsigned nr);
  void send();

  /// The text so far, for what line() cannot write.
  Text& text() { return text_; }

 private:
  void put_frame(const void* code, Names names);

  static constexpr size_t kTail = 64;  // room for the line that says what was cut
  static constexpr unsigned kFrames = 24;

  char room_[kBytes];
  Text text_;
  const char* prefix_;
};

enum class Trouble : uint8_t {
  Bug,      // memory is, or would have been, corrupted: a double free, a write past the end
  Warning,  // an invalid request, which was refused or served in another way
};

/// "kmem: BUG: ..." or "kmem: WARNING: ...", the facts of set_report_facts(), a call trace; then what
/// panic_on_warn() says.  It can be called in any context.
KMEM_COLD void bug_report(Trouble kind, const char* format, ...) __attribute__((format(printf, 2, 3)));
KMEM_COLD void vbug_report(Trouble kind, const char* format, va_list arguments);
/// The same without what panic_on_warn() says: for a report with more to say, which ends with after_report().
KMEM_COLD void begin_bug_report(Trouble kind, const char* format, ...) __attribute__((format(printf, 2, 3)));
/// bug_report() for what can happen in a loop.  The setting panic_on_warn holds for suppressed reports too.
KMEM_COLD void bug_report_limited(RateLimit& limit, Trouble kind, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

/// One line to the log, prefixed.  For notes; nothing is wrong.
KMEM_COLD void note(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// Whether a report ends in kmem_port_panic().  Off until the command line says otherwise.
bool panic_on_warn();
void set_panic_on_warn(bool on);
/// Whether the report of a bug does.  Off until the command line says otherwise.
void set_panic_on_bug(bool on);
/// The end of every report that complains: panics where a setting says so.
void after_report(Trouble kind = Trouble::Bug);
/// The same for a report after which the process must not go on: it panics, unless the command line says `oops=continue`.
void after_fatal_report();
void set_go_on(bool on);

/// How many of the frames at the beginning of a trace are kmem's own, by their names: malloc() and kfree() too.
unsigned own_frames(void* const* frames, unsigned nr);
/// "name+0x12/0x340", or "0x..." where no name is known.
void put_code_name(Text& out, const void* code);

/// A line that every bug report repeats, as the kernel names CPU, command and release: what implements the per-CPU fast paths.
/// The string must stay valid; null for none.
void set_report_facts(const char* line);

}  // namespace kmem
