// peers-patterns NAME: runs one pattern on whatever malloc the process got, and prints one line of JSON.
#include <dlfcn.h>

#include <cstring>

#include "bench.h"

namespace {

using kmem::bench::Bench;
using kmem::bench::Pattern;

constexpr Pattern kPatterns[] = {
    {"hot-pair", "malloc(64) and free at once", kmem::bench::hot_pair},
    {"batch-lifo", "1,000 of 64 B, the last one freed first", kmem::bench::batch_lifo},
    {"batch-fifo", "1,000 of 64 B, the first one freed first", kmem::bench::batch_fifo},
    {"batch-random", "1,000 of 64 B, freed in random order", kmem::bench::batch_random},
    {"mixed-sizes", "8 B to 8 KiB, a few larger; 4,096 live, replaced at random", kmem::bench::mixed_sizes},
    {"producer-consumer", "one thread allocates, another frees", kmem::bench::producer_consumer},
    {"two-threads", "batches of 1,000 in 2 threads", kmem::bench::two_threads},
    {"eight-threads", "batches of 1,000 in 8 threads", kmem::bench::eight_threads},
    {"come-and-go", "short threads that leave objects to later ones", kmem::bench::come_and_go},
    {"server", "4 threads replace objects in one table", kmem::bench::server},
    {"large-blocks", "64 KiB to 4 MiB, every page touched", kmem::bench::large_blocks},
    {"huge-blocks", "8 to 64 MiB, every page touched", kmem::bench::huge_blocks},
    {"realloc-vector", "one block grows by 1.5 to 64 MiB", kmem::bench::realloc_vector},
    {"realloc-strings", "2,000 strings grow in turn", kmem::bench::realloc_strings},
    {"calloc", "4 KiB to 1 MiB of zeros", kmem::bench::zeroed},
    {"aligned", "aligned to 64 and 4,096", kmem::bench::aligned},
    {"shift", "a working set that shrinks and changes its size of object", kmem::bench::shift},
    {"heap-regrow", "1 million objects freed at random, then others", kmem::bench::heap_regrow},
    {"string-map", "an unordered_map of strings under churn", kmem::bench::string_map},
};

int usage(int status) {
  std::fprintf(status ? stderr : stdout,
               "usage: peers-patterns NAME [--scale X] [--idle MS]\n"
               "       peers-patterns --list    names and what they do\n"
               "       peers-patterns --who     which library's malloc this process has\n");
  return status;
}

int list() {
  for (const Pattern& pattern : kPatterns) std::printf("%s\t%s\n", pattern.name, pattern.says);
  return 0;
}

int who() {
  Dl_info info{};
  void* found = dlsym(RTLD_DEFAULT, "malloc");
  if (!found || !dladdr(found, &info)) return 1;
  std::printf("%s\n", info.dli_fname);
  return 0;
}

int run(const char* name, double scale, unsigned idle_ms) {
  for (const Pattern& pattern : kPatterns) {
    if (std::strcmp(pattern.name, name) != 0) continue;
    Bench bench(scale);
    pattern.run(bench);
    bench.print(pattern.name, idle_ms);
    return 0;
  }
  std::fprintf(stderr, "peers-patterns: no pattern '%s'; --list shows them\n", name);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return usage(2);
  if (!std::strcmp(argv[1], "--help")) return usage(0);
  if (!std::strcmp(argv[1], "--list")) return list();
  if (!std::strcmp(argv[1], "--who")) return who();

  double scale = 1;
  unsigned idle_ms = 2000;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--scale")) scale = std::strtod(argv[i + 1], nullptr);
    else if (!std::strcmp(argv[i], "--idle")) idle_ms = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
    else return usage(2);
  }
  return run(argv[1], scale, idle_ms);
}
