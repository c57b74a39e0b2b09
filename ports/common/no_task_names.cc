// For a machine whose tasks have no numbers and names.

#include "default.h"
#include "port/tasks.h"

extern "C" {
KMEM_DEFAULT uint32_t kmem_port_task_id() { return 1; }
KMEM_DEFAULT size_t kmem_port_task_name(char* out, size_t bytes) {
  static constexpr char kName[] = "task";
  size_t n = 0;
  for (; kName[n] && n + 1 < bytes; ++n) out[n] = kName[n];
  if (bytes) out[n] = 0;
  return n;
}
}
