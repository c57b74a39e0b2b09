/* Macros evaluate each argument once, and give constant expressions of constants: as C, and through macros.cc as C++. */
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <stdio.h>

static int failures;
static int calls;
static int next(void) { return ++calls; }
static unsigned long tick(unsigned long value) { return ++calls, value; }

/* `expression` gives `value`, and calls what is in it `times` times. */
#define GIVES(value, times, expression)                                                                        \
  do {                                                                                                         \
    calls = 0;                                                                                                 \
    const long long got = (long long)(expression);                                                             \
    if (got != (long long)(value) || calls != (times)) {                                                       \
      printf("BAD %s: %lld, %d calls; right: %lld, %d\n", #expression, got, calls, (long long)(value), times); \
      ++failures;                                                                                              \
    }                                                                                                          \
  } while (0)

/* At file scope, in members, in enums, as initial values. */
enum { kAligned = ALIGN(5, 8), kRounded = roundup(7, 3), kUp = DIV_ROUND_UP(7, 3), kLess = min_t(int, 3, -4) };
char of_max_t[max_t(size_t, sizeof(int), 3)];
char of_roundup[roundup(sizeof(long), 3)];
char of_rounddown[rounddown(10, 4)];
char of_div[DIV_ROUND_UP(sizeof(of_roundup), 2)];
char of_round_up[round_up(5, 4)];
static int two[2];
char of_array[ARRAY_SIZE(two)];
static int not_zero = 3 + BUILD_BUG_ON_ZERO(sizeof(int) == 1);
struct in_a_struct {
  char room[ALIGN(sizeof(int) + 1, 16)];
  static_assert(sizeof(int) == 4);
  char clamped[clamp_t(int, 99, 1, 7)];
};
static_assert(kAligned == 8 && kRounded == 9, "and with a text");
static_assert(kUp == 3 && kLess == -4);
#ifndef __cplusplus
char of_max[max(sizeof(int), sizeof(long))];
char of_min[min(sizeof(int), 3)];
char of_min3[min3(5, 4, 6)];
char of_clamp[clamp(10, 2, 5)];
char of_nested[max(min(max(min(9, 8), 2), 7), 3)];
#endif

struct freed {
  long payload[4];
  struct rcu_head rcu;
};
static struct freed* new_freed(void) { return ++calls, (struct freed*)kmalloc(sizeof(struct freed), GFP_KERNEL); }
static struct freed* no_freed(void) { return ++calls, (struct freed*)NULL; }
static DEFINE_PER_CPU(long, counted);

/* A statement, wherever one may stand. */
static int statement(int x) {
  if (x) BUILD_BUG_ON(sizeof(int) != 4);
  else x = 1;
  switch (x) {
    case 7: BUILD_BUG_ON_MSG(sizeof(int) != 4, "with a text"); break;
    default: compiletime_assert(sizeof(int) == 4, "the opposite");
  }
  for (;;) {
    BUILD_BUG_ON_NOT_POWER_OF_2(sizeof(long));
    break;
  }
  while (x > 100) BUILD_BUG_ON(0);
  do BUILD_BUG_ON(sizeof(char) != 1);
  while (0);
  if (sizeof(int) == 1) BUILD_BUG();
  if (sizeof(int) == 1) BUILD_BUG_ON(1);
  BUILD_BUG_ON_INVALID(next());
label:
  BUILD_BUG_ON(0);
  if (x == -5) goto label;
  return x;
}
/* What only the optimiser can decide. */
#ifdef __OPTIMIZE__
static inline __attribute__((__always_inline__)) int at_most_four(int n) {
  BUILD_BUG_ON(n > 4);
  BUILD_BUG_ON_MSG(!__builtin_constant_p(n), "not known");
  return n;
}
static int decided(void) { return at_most_four(4); }
#else
static int decided(void) { return 4; }
#endif

static void integers(void) {
  int i = 0;
  GIVES(1, 1, min_t(int, next(), 100));
  GIVES(100, 1, max_t(int, next(), 100));
  GIVES(0, 0, max_t(int, i++, -1));
  GIVES(1, 0, i);
  GIVES(255, 1, min_t(unsigned char, tick(0x1ff), 255));
  GIVES(10, 1, roundup(10, 4 + next()));
  GIVES(12, 2, roundup(tick(11), tick(4)));
  GIVES(8, 2, rounddown(tick(11), tick(4)));
  GIVES(3, 2, DIV_ROUND_UP(tick(11), tick(4)));
  GIVES(12, 2, ALIGN(tick(11), tick(4)));
  GIVES(0, 1, ALIGN(tick(0), 4096));
  GIVES(-8, 0, ALIGN(-9, 8));
  GIVES(8, 2, ALIGN_DOWN(tick(11), tick(4)));
  GIVES(1, 2, IS_ALIGNED(tick(8), tick(4)));
  GIVES(12, 2, round_up(tick(11), tick(4)));
  GIVES(8, 2, round_down(tick(11), tick(4)));
  GIVES(0x1000, 2, (uintptr_t)PTR_ALIGN((char*)tick(0xfff), tick(0x1000)));
  GIVES(0, 2, (uintptr_t)PTR_ALIGN_DOWN((char*)tick(0xfff), tick(0x1000)));
  GIVES(5, 3, clamp_t(int, tick(10), tick(2), tick(5)));
  GIVES(7, 2, umin(tick(7), tick(9)));
  GIVES(9, 2, umax(tick(7), tick(9)));
  GIVES(0x100000000ll, 0, ALIGN(0xffffffffull, 4096));
  GIVES(0x2000, 1, PAGE_ALIGN(tick(0x1001)));
  GIVES(0x1000, 1, PAGE_ALIGN_DOWN(tick(0x1001)));
  GIVES(2, 1, PFN_UP(tick(0x1001)));
#ifndef __cplusplus
  unsigned char small = 200;
  unsigned int word = 100;
  struct {
    unsigned bits : 3;
  } field = {5};
  GIVES(1, 1, min(next(), 100));
  GIVES(1, 2, min(next(), next()));
  GIVES(2, 3, min3(2, max(next(), next()), 3 + next()));
  GIVES(-1, 0, min(-1, 3));
  GIVES(100, 0, min(small, word));
  GIVES(5, 0, max(field.bits, 2));
  GIVES(100, 0, min(word, 200));
  GIVES(8, 0, max(sizeof(int), 8));
  GIVES(5, 3, clamp(tick(10), tick(2), tick(5)));
  GIVES(200, 0, clamp_val(small, 1, 500));
  GIVES(4, 2, min_not_zero(tick(0), tick(4)));
  GIVES(15, 0, 10 * min(1.5, 2.5));
  GIVES(-0x10000000000ll, 0, min(-0x10000000000ll, 0ll));
  GIVES(&two[0] == min(&two[0], &two[1]), 0, 1);
  int a = 1, b = 2;
  swap(a, b);
  GIVES(21, 0, a * 10 + b);
#endif
}

static void others(void) {
  long wanted = 0, *position = &wanted;
  GIVES(1, 0, this_cpu_try_cmpxchg(counted, position++, 5));
  GIVES(1, 0, position - &wanted);
  GIVES(0, 1, (kfree_rcu(new_freed(), rcu), 0));
  GIVES(0, 1, (kfree_rcu(no_freed(), rcu), 0));
  GIVES(0, 1, (kvfree_rcu(new_freed()), 0));
  rcu_barrier();
  GIVES(4, 0, decided());
  GIVES(1, 0, statement(0));
  GIVES(3, 0, not_zero);
}

int main(void) {
  integers();
  others();
  GIVES(4 + 9 + 8 + 5 + 8 + 2, 0,
        sizeof of_max_t + sizeof of_roundup + sizeof of_rounddown + sizeof of_div + sizeof of_round_up + sizeof of_array);
  GIVES(16 + 7, 0, sizeof(struct in_a_struct));
#ifndef __cplusplus
  GIVES(8 + 3 + 4 + 5 + 7, 0, sizeof of_max + sizeof of_min + sizeof of_min3 + sizeof of_clamp + sizeof of_nested);
#endif
  return failures != 0;
}
