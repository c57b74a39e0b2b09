// A driver that cannot go on.

#include <linux/panic.h>

#include <linux/kernel.h>
#include <linux/panic_notifier.h>

#include "host/host.h"

namespace {

constinit bool panics = false;
char message[1024];

}  // namespace

extern "C" {

void panic(const char* format, ...) noexcept {
  if (__atomic_exchange_n(&panics, true, __ATOMIC_SEQ_CST)) kmem_driver::host::end_all();
  va_list arguments;
  va_start(arguments, format);
  size_t n = static_cast<size_t>(vscnprintf(message, sizeof(message), format, arguments));
  va_end(arguments);
  if (n && message[n - 1] == '\n') message[n - 1] = 0;
  pr_emerg("Kernel panic - not syncing: %s\n", message);
  dump_stack();
  atomic_notifier_call_chain(&panic_notifier_list, 0, message);
  pr_emerg("---[ end Kernel panic - not syncing: %s ]---\n", message);
  kmem_driver::host::end_all();
}

}  // extern "C"
