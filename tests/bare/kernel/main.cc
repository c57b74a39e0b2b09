// The kernel that shows kmem on a machine of its own, and tests it there.  Its words stand behind " -- ": batch, test=PATTERN,
// soak=SECONDS, bench, golden, mistake=NAME.

#include <kmem/stats.h>
#include <linux/slab.h>
#include <string.h>

#include "gtest/gtest.h"
#include "kernel.h"

const char* word_text(const char* name, char* out, size_t bytes) {
  const size_t length = strlen(name);
  for (const char* at = bare::firmware.kernel_words; at && *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : nullptr) {
    if (strncmp(at, name, length) || at[length] != '=') continue;
    size_t n = 0;
    for (at += length + 1; at[n] && at[n] != ' ' && n + 1 < bytes; ++n) out[n] = at[n];
    out[n] = 0;
    return out;
  }
  return nullptr;
}

uint64_t word_number(const char* name, uint64_t otherwise) {
  char text[24];
  if (!word_text(name, text, sizeof text)) return otherwise;
  uint64_t n = 0;
  for (const char* at = text; *at >= '0' && *at <= '9'; ++at) n = n * 10 + static_cast<uint64_t>(*at - '0');
  return n;
}

bool has_word(const char* name) {
  const size_t length = strlen(name);
  for (const char* at = bare::firmware.kernel_words; (at = strstr(at, name)); at += length)
    if ((at == bare::firmware.kernel_words || at[-1] == ' ') && (!at[length] || at[length] == ' ')) return true;
  return false;
}

void show_text(size_t (*text)(char* buffer, size_t size)) {
  const size_t bytes = text(nullptr, 0) + 256;
  char* buffer = static_cast<char*>(kvmalloc(bytes, GFP_KERNEL));
  if (!buffer) return bare::say("no memory for a text of %zu bytes\n", bytes);
  text(buffer, bytes);
  bare::put(buffer, strlen(buffer));
  kvfree(buffer);
}

void show_machine() {
  uint32_t up = 0;
  for (uint32_t cpu = 0; cpu < bare::firmware.nr_cpus; ++cpu) up += bare::cpus[cpu].up;
  bare::say("%u of %u CPUs, %u nodes; the port has %ju of %ju frames left\n", up, bare::firmware.nr_cpus,
            bare::firmware.nr_nodes, bare::pool.nr_free(), bare::pool.nr());
  show_text(kmem_buddyinfo);
}

extern "C" int bare_kernel_main(void) {
  void* first = kmalloc(100, GFP_KERNEL);
  const uint64_t cycles = bare::read_cycles() - bare::boot_cycles;
  bare::say("first kmalloc(100) = %p, %ju cycles after the image's first instruction\n", first, cycles);
  kfree(first);
  show_machine();
  char text[128];
  if (word_text("mistake", text, sizeof text)) {
    make_mistake(text);
    return 2;
  }
  if (has_word("bench") || has_word("golden")) return run_bench(has_word("golden")) ? 0 : 1;
  const char* pattern = word_text("test", text, sizeof text);
  if (has_word("batch") || pattern) {
    const unsigned failed = testing::internal::run_tests(pattern);
    if (!pattern) run_bench(false);
    return failed || !first ? 1 : 0;
  }
  run_monitor();
  return 0;
}
