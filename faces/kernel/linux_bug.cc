// WARN_ON() and BUG().

#include <linux/bug.h>

#include "port/port.h"
#include "watch/report.h"

extern "C" {

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
