// printk(): the log, and writing messages to the console.

#include <stdio.h>
#include <string.h>

#include <kmem/driver.h>
#include <linux/device.h>
#include <linux/printk.h>

#include "host/host.h"
#include "print/format.h"
#include "sync/quiet_lock.h"

/// libkmem's printk(), which writes to the destination of the boot words.
extern "C" int kmem_printk(const char* format, ...);

namespace kmem_driver {
namespace {

constexpr size_t kLogSize = 1 << 17, kLongest = 1024;
constexpr int kDefaultLevel = LOGLEVEL_WARNING;

/// The last messages, as text with a level in front of each line: "<4>text\n".
struct Log {
  QuietLock lock;
  char text[kLogSize] = {};
  size_t length = 0;
  bool line_is_open = false;

  /// Drops the older half when it is full.
  void append(const char* more, size_t n) {
    if (length + n > kLogSize) {
      const char* half = static_cast<const char*>(memchr(text + kLogSize / 2, '\n', length - kLogSize / 2));
      const size_t gone = half ? static_cast<size_t>(half + 1 - text) : length;
      memmove(text, text + gone, length - gone);
      length -= gone;
    }
    memcpy(text + length, more, n);
    length += n;
  }
};
constinit Log log_;

/// The level at the start of a message, -1 for KERN_CONT, -2 for none; moves `message` behind it.
int level_of(const char*& message) {
  if (message[0] != KERN_SOH_ASCII || !message[1]) return -2;
  const char c = message[1];
  message += 2;
  return c == 'c' ? -1 : c >= '0' && c <= '7' ? c - '0' : -2;
}

void note(int level, const char* text, size_t n) {
  Quietly hold(log_.lock);
  if (level == -1 && log_.line_is_open) {
    log_.append(text, n);
  } else {
    char head[8];
    const int digits = snprintf(head, sizeof(head), "%s<%d>", log_.line_is_open ? "\n" : "", level < 0 ? kDefaultLevel : level);
    log_.append(head, static_cast<size_t>(digits));
    log_.append(text, n);
  }
  log_.line_is_open = text[n - 1] != '\n';
}

int log_message(const char* format, va_list arguments) {
  char buffer[kLongest];
  int length = print_all(buffer, sizeof(buffer), format, arguments);
  if (length >= static_cast<int>(sizeof(buffer))) length = sizeof(buffer) - 1;
  const char* text = buffer;  // the level may be in an argument: "%s..."
  const int level = level_of(text);
  length -= static_cast<int>(text - buffer);
  if (length <= 0) return 0;
  note(level, text, static_cast<size_t>(length));
  const int shown = level < 0 ? kDefaultLevel : level;
  if (shown < kmem_console_loglevel) kmem_printk(level == -1 ? KERN_CONT "%s" : "%s", text);
  return length;
}

constinit QuietLock limits_lock;

/// Counts a message; returns how many were suppressed in the interval that ended. -1: suppress this one.
int count(ratelimit_state& s) {
  Quietly hold(limits_lock);
  const unsigned long long now = host::now_ns();
  int suppressed = 0;
  if (!s.kmem_begin || now - s.kmem_begin > static_cast<unsigned long long>(s.interval) * 1'000'000) {
    if (!(s.flags & RATELIMIT_MSG_ON_RELEASE)) suppressed = s.missed, s.missed = 0;
    s.kmem_begin = now;
    s.printed = 0;
  }
  if (s.printed >= s.burst) return ++s.missed, -1;
  ++s.printed;
  return suppressed;
}

}  // namespace
}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

int kmem_console_loglevel = LOGLEVEL_DEBUG;

int vprintk(const char* format, va_list arguments) noexcept { return log_message(format, arguments); }

int printk(const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = log_message(format, arguments);
  va_end(arguments);
  return length;
}

size_t kmem_driver_log(char* buffer, size_t size) noexcept {
  Quietly hold(log_.lock);
  if (size) {
    const size_t n = log_.length < size ? log_.length : size - 1;
    memcpy(buffer, log_.text + (log_.length - n), n);
    buffer[n] = 0;
  }
  return log_.length;
}

void kmem_driver_log_clear() noexcept {
  Quietly hold(log_.lock);
  log_.length = 0;
  log_.line_is_open = false;
}

int kmem_driver_log_has(const char* text) noexcept {
  Quietly hold(log_.lock);
  return memmem(log_.text, log_.length, text, strlen(text)) != nullptr;
}

int ___ratelimit(ratelimit_state* state, const char* function) noexcept {
  if (!state->interval) return 1;
  const int suppressed = count(*state);
  if (suppressed > 0) printk(KERN_WARNING "%s: %d callbacks suppressed\n", function, suppressed);
  return suppressed >= 0;
}

void ratelimit_state_exit(ratelimit_state* state) noexcept {
  if (!(state->flags & RATELIMIT_MSG_ON_RELEASE) || !state->missed) return;
  printk(KERN_WARNING "%d output lines suppressed due to ratelimiting\n", state->missed);
  state->missed = 0;
}

int __printk_ratelimit(const char* function) noexcept {
  static DEFINE_RATELIMIT_STATE(all, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
  return ___ratelimit(&all, function);
}

}  // extern "C"
