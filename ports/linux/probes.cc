// Static probes for tracers: a nop, and an ELF note with its address (sys/sdt.h).
//
// The provider and probes are those of OpenTelemetry's profiler. A tracer increments the semaphores, which switches sampling on
// (watch/profile.h). Without <sys/sdt.h> there are no probes: ports/common/no_probes.cc.

#include "base/attributes.h"
#include "port/port.h"

#if __has_include(<sys/sdt.h>)

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

extern "C" {

void kmem_port_probe_alloc(const void* p, size_t size, uint64_t weight) {
  if (KMEM_UNLIKELY(otel_memory_alloc_semaphore)) DTRACE_PROBE3(otel_memory, alloc, p, size, weight);
}
void kmem_port_probe_free(const void* p) {
  if (KMEM_UNLIKELY(otel_memory_free_semaphore)) DTRACE_PROBE1(otel_memory, free, p);
}
}

#endif
