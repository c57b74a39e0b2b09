// Mistakes that a driver may make, each for the report that it gets.

#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <string.h>

#include "kernel.h"

namespace {

void guard() {
  volatile char* p = static_cast<char*>(vmalloc(PAGE_SIZE));
  p[PAGE_SIZE] = 1;
}
void double_free() {
  void* p = kmalloc(64, GFP_KERNEL);
  void* volatile again = p;
  kfree(p);
  kfree(again);
}
void overrun() {
  char* volatile p = static_cast<char*>(kmalloc(64, GFP_KERNEL));
  memset(p, 1, 65);
  kfree(p);
}
void order_11() {
  if (alloc_pages(GFP_KERNEL, 11)) bare::say("there is a block of order 11\n");
}
void sleep_in_interrupt() {
  static volatile bool begun = false, done = false;  // another CPU's tick may be the first: its report takes a while
  bare::on_tick = [] {
    if (begun) return;
    begun = true;
    kfree(kmalloc(64, GFP_KERNEL));
    done = true;
  };
  while (!done) bare::relax();
}
[[gnu::noinline]] void overflow() {
  static volatile bool for_ever = true;  // the compiler minds an endless one
  if (!for_ever) return;
  volatile char room[4096];
  room[0] = 1;
  overflow();
  room[1] = room[0];
}
void null_read() { bare::say("%d\n", *reinterpret_cast<volatile int*>(uintptr_t{8})); }

struct Mistake {
  const char* name;
  void (*make)();
};
constexpr Mistake kMistakes[] = {{"guard", guard},       {"double-free", double_free},  {"overrun", overrun},
                                 {"order-11", order_11}, {"sleep", sleep_in_interrupt}, {"stack", overflow},
                                 {"null", null_read}};

}  // namespace

void make_mistake(const char* name) {
  for (const Mistake& mistake : kMistakes)
    if (!strcmp(mistake.name, name)) return mistake.make();
  bare::say("no such mistake: %s; there are", name);
  for (const Mistake& mistake : kMistakes) bare::say(" %s", mistake.name);
  bare::say("\n");
}
