// A tiny monitor on the console.

#include <kmem/fault.h>
#include <kmem/leaks.h>
#include <kmem/stats.h>
#include <linux/slab.h>
#include <string.h>

#include "gtest/gtest.h"
#include "kernel.h"

namespace {

void slabinfo(const char*) { show_text(kmem_slabinfo); }
void buddyinfo(const char*) { show_text(kmem_buddyinfo); }
void zoneinfo(const char*) { show_text(kmem_zoneinfo); }
void meminfo(const char*) { show_text(kmem_meminfo); }
void vmallocinfo(const char*) { show_text(kmem_vmallocinfo); }
void map(const char*) {
  for (unsigned i = 0; i < bare::firmware.ram.nr; ++i)
    bare::say("[%#014jx-%#014jx] node %u\n", bare::firmware.ram.all[i].start, bare::firmware.ram.all[i].end - 1,
              bare::firmware.ram.all[i].node);
  show_machine();
}
void test(const char* pattern) { testing::internal::run_tests(*pattern ? pattern : nullptr); }
void bench(const char*) { run_bench(false); }
void leak(const char*) {
  struct kmem_leak_totals totals = {};
  bare::say("kmem_leak_scan: %d\n", kmem_leak_scan(2, &totals));
}
void fail_nth(const char* number) {
  unsigned n = 0;
  for (; *number >= '0' && *number <= '9'; ++number) n = n * 10 + static_cast<unsigned>(*number - '0');
  kmem_fail_nth_set(n);
  void* p = kmalloc(100, GFP_KERNEL);
  bare::say("kmalloc(100) = %p\n", p);
  kmem_fail_nth_set(0);
  kfree(p);
}
void mistake(const char* name) { make_mistake(name); }
void quit(const char*) { bare::end_machine(0); }
void help(const char*);

struct Command {
  const char* name;
  void (*run)(const char* rest);
  const char* what;
};
constexpr Command kCommands[] = {
    {"help", help, "this"},
    {"map", map, "memory as the firmware named it, and what is free"},
    {"slabinfo", slabinfo, "caches"},
    {"buddyinfo", buddyinfo, "free blocks by order"},
    {"zoneinfo", zoneinfo, "zones"},
    {"meminfo", meminfo, "sums"},
    {"vmallocinfo", vmallocinfo, "areas of the window"},
    {"test", test, "[PATTERN]: the tests, such as Edu.*"},
    {"bench", bench, "cycles of each call"},
    {"leak", leak, "blocks that nothing points to"},
    {"fail-nth", fail_nth, "N: the N-th failure point of a kmalloc fails"},
    {"mistake", mistake, "NAME: makes it, for its report"},
    {"quit", quit, "ends the machine"},
};
void help(const char*) {
  for (const Command& c : kCommands) bare::say("%-12s %s\n", c.name, c.what);
}

void read_line(char* line, size_t bytes) {
  for (size_t n = 0;;) {
    const int c = bare::take_char();
    if (c < 0) {
      bare::sleep_until(bare::now_ns() + 10000000);
    } else if (c == '\r' || c == '\n') {
      line[n] = 0;
      return bare::say("\n");
    } else if ((c == 8 || c == 127) && n) {
      --n;
      bare::say("\b \b");
    } else if (c >= ' ' && c < 127 && n + 1 < bytes) {
      line[n++] = static_cast<char>(c);
      bare::say("%c", c);
    }
  }
}

void run_line(char* line) {
  char* rest = strchr(line, ' ');
  if (rest) *rest++ = 0;
  for (const Command& c : kCommands)
    if (!strcmp(c.name, line)) return c.run(rest ? rest : "");
  if (*line) bare::say("no such command: %s; try help\n", line);
}

}  // namespace

void run_monitor() {
  bare::say("Type help; quit or Ctrl-A x ends the machine.\n");
  for (char line[128];;) {
    bare::say("kmem> ");
    read_line(line, sizeof line);
    run_line(line);
  }
}
