// printk().

#include <linux/printk.h>

#include "base/atomic.h"
#include "base/format.h"
#include "port/port.h"

namespace {

/// The last message did not end its line.
kmem::Atomic<bool> line_is_open;

/// The text after the level, if there is one: \001 and a character.
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

}  // extern "C"
