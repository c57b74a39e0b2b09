// libkmem-exit.so: _exit() and _Exit() that have libkmem-malloc.so write its report first.  A forked child usually ends in this
// way, without running destructors. It is a separate library because these functions do not belong to malloc; `kmem run`
// preloads it beside libkmem-malloc.so when a report is wanted.

#include <sys/syscall.h>
#include <unistd.h>

extern "C" {

/// In libkmem-malloc.so: writes the report of KMEM_REPORT, once in a process.
__attribute__((weak)) void kmem_report_at_exit();

__attribute__((visibility("default"))) void _exit(int code) {
  if (kmem_report_at_exit) kmem_report_at_exit();
  for (;;) syscall(SYS_exit_group, code);
}

__attribute__((visibility("default"))) void _Exit(int code) { _exit(code); }
}
