// printk(), WARN_ON() and BUG(): what kernel code has to say.

#include <linux/bug.h>
#include <linux/printk.h>

#include "port/port.h"
#include "watch/report.h"

namespace {

/// The last message did not end its line.
kmem::Atomic<bool> line_is_open;

/// What stands behind the level, if there is one: \001 and a character.
const char* text_of(const char* message) { return message[0] == '\001' && message[1] ? message + 2 : message; }

bool continues(const char* message) { return message[0] == '\001' && message[1] == 'c'; }

}  // namespace

extern "C" {

int printk(const char* format, ...) {
  kmem::TextOf<1024> message;
  if (!continues(format) && line_is_open.peek()) message.put('\n');
  va_list arguments;
  va_start(arguments, format);
  message.vprintf(text_of(format), arguments);
  va_end(arguments);
  if (!message.size()) return 0;
  line_is_open.store(message.data()[message.size() - 1] != '\n');
  kmem_port_log(message.data(), message.size());
  return static_cast<int>(message.size());
}

void kmem_warn(const char* file, int line, const char* format, ...) {
  kmem::TextOf<256> message;
  va_list arguments;
  va_start(arguments, format);
  message.vprintf(format, arguments);
  va_end(arguments);
  kmem::bug_report(kmem::Trouble::Warning, "at %s:%d: %s", file, line, message.data());
}

void kmem_bug(const char* file, int line) {
  kmem::bug_report(kmem::Trouble::Bug, "at %s:%d", file, line);
  kmem_port_panic();
}

}  // extern "C"
