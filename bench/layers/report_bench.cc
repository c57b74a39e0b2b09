// The reports, through libkmem.so: a snapshot of the system and its text, in a process that has allocated a little.
//
// In the figures: all of it, the question to the host how much is resident included.
//
// Compare with one small file of /proc read once, opened before: a report that costs many of those could not be asked
// for in a loop.
#include "layer_bench.h"

#include <fcntl.h>
#include <kmem/stats.h>
#include <linux/slab.h>
#include <unistd.h>

namespace kmem::bench {
namespace {

using Report = size_t(char*, size_t);

template <Report* kReport>
void report(benchmark::State& state) {
  static char text[1 << 20];
  kfree((kmalloc)(64, GFP_KERNEL));
  for (auto _ : state) {
    kReport(text, sizeof text);
    benchmark::ClobberMemory();
  }
  tell(state, 1, "read_statm");
}

void read_statm(benchmark::State& state) {
  char text[256];
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  bool has_proc = true;
  for (auto _ : state) has_proc &= pread(file, text, sizeof text, 0) > 0;
  close(file);
  if (!has_proc) return leave_out(state, "there is no /proc");
  tell(state, 1);
}

BENCHMARK(read_statm);
BENCHMARK(report<kmem_meminfo>)->Name("meminfo");
BENCHMARK(report<kmem_slabinfo>)->Name("slabinfo");
BENCHMARK(report<kmem_buddyinfo>)->Name("buddyinfo");
BENCHMARK(report<kmem_zoneinfo>)->Name("zoneinfo");
BENCHMARK(report<kmem_json>)->Name("json");

}  // namespace
}  // namespace kmem::bench
