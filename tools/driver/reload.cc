// Loads modules and unloads them, again and again: what does that lose?

#include <kmem/driver.h>
#include <kmem/leaks.h>
#include <linux/vmalloc.h>

#include <cstdio>
#include <cstring>

#include "options.h"
#include "service.h"

namespace kmem::driver_host {
namespace {

struct Out {
  size_t blocks = 0, bytes = 0, mapped_pages = 0;
};
Out now_out() {
  kmem_leak_totals totals = {};
  kmem_leak_scan(-1, &totals);
  return {totals.blocks, totals.bytes, vmalloc_nr_pages()};
}

int complain(const Wanted& one, int error) {
  if (error) std::fprintf(stderr, "kmem driver: %s: %s\n", one.file.c_str(), std::strerror(-error));
  return error;
}

/// All of them, in this order; then unloads them in the other.  An error number.
int load_and_unload(const std::vector<Wanted>& all, size_t n = 0) {
  if (n == all.size()) return 0;
  module* inserted = nullptr;
  if (complain(all[n], kmem_driver_insert(all[n].file.c_str(), all[n].parameters.c_str(), &inserted))) return 1;
  return load_and_unload(all, n + 1) || complain(all[n], kmem_driver_remove(inserted));
}

}  // namespace

int reload(const Options& options) {
  catch_crashes();
  // The first times make what stays: caches of sizes, threads of the surroundings.
  constexpr unsigned kFirst = 3;
  Out before;
  for (unsigned i = 0; i < options.times + kFirst; ++i) {
    if (i == kFirst) before = now_out();
    if (load_and_unload(options.modules)) return kToolFailed;
  }
  const Out after = now_out();
  std::printf("loaded and unloaded %u times: %+ld blocks, %+ld bytes, %+ld pages of vmalloc\n", options.times,
              static_cast<long>(after.blocks - before.blocks), static_cast<long>(after.bytes - before.bytes),
              static_cast<long>(after.mapped_pages - before.mapped_pages));
  std::fflush(stdout);
  const bool mistaken = say_mistakes() && !options.mistakes_pass;
  return mistaken || after.bytes > before.bytes || after.mapped_pages > before.mapped_pages ? 1 : 0;
}

}  // namespace kmem::driver_host
