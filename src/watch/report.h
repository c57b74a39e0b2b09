#pragma once
// Telling the world what is wrong, in a place where nothing may be allocated and nobody may be waited for.

#include "base/atomic.h"
#include "base/attributes.h"
#include "base/format.h"
#include "watch/rate_limit.h"

namespace kmem {

/// A report under construction, on the caller's stack: lines are collected and handed to the port in one piece, so
/// that the lines of two threads do not mix.  Sent by the destructor at the latest.
///
/// Its buffer is what a signal handler on a small stack can still afford.  A report that outgrows it loses its end,
/// and its last line says how much.
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
  /// "Call Trace:" and the callers' addresses, one a line, innermost first.  Nothing where the port knows none.
  Report& call_trace();
  /// The same for a trace that was taken before, each by the function's name where one is known.
  Report& callers(void* const* frames, unsigned nr);
  void send();

  /// The text so far, for what line() cannot write.
  Text& text() { return text_; }

 private:
  static constexpr size_t kTail = 64;  // room for the line that says what was cut
  static constexpr unsigned kFrames = 24;

  char room_[kBytes];
  Text text_;
  const char* prefix_;
};

enum class Trouble : uint8_t {
  Bug,      // memory is, or would have been, corrupted: a double free, a write past the end
  Warning,  // something that must not be asked for, and was refused or served otherwise
};

/// "kmem: BUG: ..." or "kmem: WARNING: ...", the facts of set_report_facts(), a call trace; then what
/// panic_on_warn() says.  It can be called in any context.
KMEM_COLD void bug_report(Trouble kind, const char* format, ...) __attribute__((format(printf, 2, 3)));
KMEM_COLD void vbug_report(Trouble kind, const char* format, va_list arguments);
/// The same for what can happen in a loop.  The setting panic_on_warn holds for suppressed reports too.
KMEM_COLD void bug_report_limited(RateLimit& limit, Trouble kind, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

/// One line to the log, prefixed.  For notes; nothing is wrong.
KMEM_COLD void note(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// Whether a report ends in kmem_port_panic().  Off until the command line says otherwise.
bool panic_on_warn();
void set_panic_on_warn(bool on);
/// The end of every report that complains: panics where the setting says so.
void after_report();

/// How many of the frames at the beginning of a trace are kmem's own, by their names: malloc() and kfree() too.
unsigned own_frames(void* const* frames, unsigned nr);
/// "name+0x12/0x340", or "0x..." where no name is known.
void put_code_name(Text& out, const void* code);

/// One line that every bug report repeats, as the kernel names CPU, command and release: who carries the per-CPU
/// fast paths.  The string must stay; null for none.
void set_report_facts(const char* line);

}  // namespace kmem
