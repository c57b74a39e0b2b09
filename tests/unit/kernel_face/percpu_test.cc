// Per-CPU variables by their kernel names, in one program; percpu_stress.c has the crowd.

#include <gtest/gtest.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kmem/per_cpu.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/sanitizer.h"

namespace {

struct Mixed {
  int a;
  unsigned char b;
  short c;
  long d;
  const char* p;
};

DEFINE_PER_CPU(long, hits) = 7;
DEFINE_PER_CPU(Mixed, mixed) = {1, 2, 3, 4, nullptr};
static DEFINE_PER_CPU(int[4], row);
static DEFINE_PER_CPU_PAGE_ALIGNED(char, whole_page) = 'x';
static DEFINE_PER_CPU_SHARED_ALIGNED(signed char, own_line) = -3;
static DEFINE_PER_CPU_ALIGNED(int, aligned) = 11;
static DEFINE_PER_CPU_READ_MOSTLY(unsigned long long, settings) = 1ull << 63;

long sum_of(long __percpu* variable) {
  long sum = 0;
  int cpu;
  for_each_possible_cpu(cpu) sum += *per_cpu_ptr(variable, cpu);
  return sum;
}

// CPUs -------------------------------------------------------------------------------------------------------------

TEST(PercpuCpus, the_sets_hold_what_the_host_says_and_what_stands_in) {
  EXPECT_EQ(num_possible_cpus(), nr_cpu_ids);
  EXPECT_GE(num_present_cpus(), 1u);
  EXPECT_LE(num_online_cpus(), num_possible_cpus());
  unsigned n = 0, cpu;
  for_each_online_cpu(cpu) {
    EXPECT_TRUE(cpu_possible(cpu));
    ++n;
  }
  EXPECT_EQ(n, num_online_cpus());
  EXPECT_FALSE(cpu_possible(nr_cpu_ids));
  EXPECT_FALSE(cpu_online(-1));
  EXPECT_LT(static_cast<unsigned>(raw_smp_processor_id()), nr_cpu_ids);
}

TEST(PercpuCpus, masks_are_sets) {
  struct cpumask a, b, c;
  cpumask_clear(&a);
  EXPECT_TRUE(cpumask_empty(&a));
  cpumask_set_cpu(1, &a);
  cpumask_set_cpu(3, &a);
  cpumask_copy(&b, &a);
  cpumask_clear_cpu(1, &b);
  EXPECT_TRUE(cpumask_and(&c, &a, &b));
  EXPECT_FALSE(cpumask_test_cpu(1, &c));
  cpumask_or(&c, &a, &b);
  EXPECT_EQ(cpumask_weight(&c), 2u);
  EXPECT_EQ(cpumask_first(&c), 1u);
  EXPECT_EQ(cpumask_next(1, &c), 3u);
}

// Static -----------------------------------------------------------------------------------------------------------

TEST(PercpuStatic, every_copy_begins_with_the_initial_value_and_has_the_alignment) {
  int cpu;
  for_each_possible_cpu(cpu) {
    EXPECT_EQ(per_cpu(hits, cpu), 7);
    EXPECT_EQ(per_cpu(mixed, cpu).d, 4);
    EXPECT_EQ(per_cpu(row, cpu)[2], 0);
    EXPECT_EQ(per_cpu(whole_page, cpu), 'x');
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&per_cpu(whole_page, cpu)) % 4096, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&per_cpu(own_line, cpu)) % 64, 0u);
    EXPECT_EQ(per_cpu(own_line, cpu), -3);
    EXPECT_EQ(per_cpu(aligned, cpu), 11);
    EXPECT_EQ(per_cpu(settings, cpu), 1ull << 63);
    EXPECT_TRUE(is_kernel_percpu_address(reinterpret_cast<unsigned long>(&per_cpu(hits, cpu))));
  }
  EXPECT_FALSE(is_kernel_percpu_address(reinterpret_cast<unsigned long>(&hits))) << "where the initial value lies";
  EXPECT_FALSE(is_kernel_percpu_address(reinterpret_cast<unsigned long>(&cpu)));
}

TEST(PercpuStatic, steps_fall_on_one_copy_and_wrap_as_the_type_does) {
  preempt_disable();
  const int cpu = smp_processor_id();
  Mixed& mine = per_cpu(mixed, cpu);
  this_cpu_add(mixed.a, -5);
  EXPECT_EQ(mine.a, -4);
  this_cpu_sub(mixed.b, 3);
  EXPECT_EQ(mine.b, 255);
  this_cpu_and(mixed.b, 0x0f);
  this_cpu_or(mixed.b, 0x40);
  EXPECT_EQ(this_cpu_read(mixed.b), 0x4f);
  EXPECT_EQ(this_cpu_inc_return(mixed.c), 4);
  EXPECT_EQ(this_cpu_dec_return(mixed.c), 3);
  EXPECT_EQ(this_cpu_sub_return(mixed.c, 5), -2) << "with its sign";
  EXPECT_EQ(this_cpu_xchg(mixed.c, 1), -2);
  EXPECT_EQ(this_cpu_cmpxchg(mixed.d, 5, 6), 4) << "it was not 5";
  EXPECT_EQ(this_cpu_cmpxchg(mixed.d, 4, 6), 4);
  long expected = 4;
  EXPECT_FALSE(this_cpu_try_cmpxchg(mixed.d, &expected, 9));
  EXPECT_EQ(expected, 6);
  EXPECT_TRUE(this_cpu_try_cmpxchg(mixed.d, &expected, 9));
  this_cpu_write(mixed.p, "text");
  EXPECT_EQ(mine.p, this_cpu_read(mixed.p));
  __this_cpu_inc(row[2]);
  raw_cpu_add(row[2], 2);
  EXPECT_EQ(per_cpu(row, cpu)[2], 3);
  EXPECT_EQ(this_cpu_ptr(&mixed), &mine);
  EXPECT_EQ(raw_cpu_ptr(row), per_cpu(row, cpu));
  preempt_enable();
}

// Sections ---------------------------------------------------------------------------------------------------------

TEST(PercpuSection, nests_and_keeps_its_number) {
  const int before = preempt_count();
  const int cpu = get_cpu();
  EXPECT_EQ(smp_processor_id(), cpu);
  long& mine = get_cpu_var(hits);
  EXPECT_EQ(&mine, &per_cpu(hits, cpu));
  EXPECT_EQ(preempt_count(), before + 2);
  const long seen = mine;
  this_cpu_inc(hits);
  EXPECT_EQ(mine, seen + 1) << "a step within goes where the section is";
  put_cpu_var(hits);
  EXPECT_EQ(smp_processor_id(), cpu);
  put_cpu();
  EXPECT_EQ(preempt_count(), before);
}

TEST(PercpuSection, preempt_disable_is_one_as_soon_as_somebody_looks) {
  preempt_disable();
  const int cpu = smp_processor_id();
  std::thread([cpu] {
    preempt_disable();
    EXPECT_NE(smp_processor_id(), cpu) << "although it may be the same CPU";
    preempt_enable();
  }).join();
  EXPECT_EQ(smp_processor_id(), cpu);
  preempt_enable();
}

TEST(PercpuSection, those_of_many_threads_at_once_are_all_apart) {
  const int cpu = get_cpu();
  std::vector<int> others;
  for (unsigned i = 0; i + 1 < nr_cpu_ids && i < 3; ++i)
    std::thread([&] {
      others.push_back(get_cpu());
      this_cpu_inc(hits);
      put_cpu();
    }).join();
  for (const int other : others) EXPECT_NE(other, cpu);
  put_cpu();
}

TEST(PercpuSection, a_forked_child_keeps_its_own_and_finds_the_others_free) {
#ifdef KMEM_TSAN
  GTEST_SKIP() << "ThreadSanitizer knows no threads in the child of a program that had some";
#endif
  get_cpu();
  std::thread other;
  int ready[2], done[2];
  ASSERT_EQ(pipe(ready) | pipe(done), 0);
  other = std::thread([&] {
    get_cpu();
    char c = 0;
    EXPECT_EQ(write(ready[1], &c, 1), 1);
    EXPECT_EQ(read(done[0], &c, 1), 1);
    put_cpu();
  });
  char c = 0;
  EXPECT_EQ(read(ready[0], &c, 1), 1);
  const pid_t child = fork();
  if (child == 0) {
    const int mine = smp_processor_id();
    std::vector<std::thread> all;
    for (unsigned i = 0; i + 1 < nr_cpu_ids; ++i)
      all.emplace_back([mine] {
        if (get_cpu() == mine) _exit(1);
        put_cpu();
      });
    for (auto& t : all) t.join();
    put_cpu();
    _exit(0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(write(done[1], &c, 1), 1);
  other.join();
  put_cpu();
  for (const int fd : {ready[0], ready[1], done[0], done[1]}) close(fd);
}

// Dynamic ----------------------------------------------------------------------------------------------------------

TEST(PercpuDynamic, is_zero_on_every_cpu_and_can_be_walked) {
  Mixed __percpu* p = alloc_percpu(Mixed);
  ASSERT_NE(p, nullptr);
  int cpu;
  for_each_possible_cpu(cpu) EXPECT_EQ(per_cpu_ptr(p, cpu)->d, 0);
  this_cpu_add(p->d, 4);
  get_cpu_ptr(p)->d += 3;
  put_cpu_ptr(p);
  long sum = 0;
  for_each_possible_cpu(cpu) sum += per_cpu_ptr(p, cpu)->d;
  EXPECT_EQ(sum, 7);
  EXPECT_GE(pcpu_alloc_size(p), sizeof(Mixed));
  free_percpu(p);
  EXPECT_EQ(pcpu_alloc_size(p), 0u);
  free_percpu(nullptr);
  long __percpu* atomic = alloc_percpu_gfp(long, GFP_ATOMIC);
  EXPECT_NE(atomic, nullptr) << "the chunk is there by now";
  free_percpu(atomic);
}

class PercpuDeath : public testing::Test {
 protected:
  PercpuDeath() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
/// Runs it in a child and ends that with 0, so that the reports can be looked at.
#define EXPECT_REPORT(statement, words) \
  EXPECT_EXIT(                          \
      {                                 \
        statement;                      \
        _exit(0);                       \
      },                                \
      testing::ExitedWithCode(0), words)

TEST_F(PercpuDeath, sizes_and_alignments_that_are_none_are_reported_and_refused) {
  EXPECT_REPORT(if (__alloc_percpu(0, 8)) _exit(1), "illegal size 0");
  EXPECT_REPORT(if (__alloc_percpu(65537, 8)) _exit(1), "illegal size 65537");
  EXPECT_REPORT(if (__alloc_percpu(8, 24)) _exit(1), "alignment 24");
  EXPECT_REPORT(if (__alloc_percpu(8, 0)) _exit(1), "alignment 0");
  EXPECT_REPORT(if (__alloc_percpu(8, 8192)) _exit(1), "alignment 8192");
}

TEST_F(PercpuDeath, wrong_pointers_are_named_and_nothing_is_freed) {
  long __percpu* p = alloc_percpu(long);
  int on_stack = 0;
  EXPECT_REPORT(free_percpu(&on_stack), "alloc_percpu\\(\\) never answered that");
  EXPECT_REPORT(free_percpu(per_cpu_ptr(p, 0)), "one CPU's copy: free_percpu");
  EXPECT_REPORT(free_percpu(&hits), "a static per-CPU variable");
  EXPECT_REPORT(free_percpu(&per_cpu(hits, 1)), "one CPU's copy of a static");
  EXPECT_REPORT((free_percpu(p), free_percpu(p)), "freed before");
  EXPECT_REPORT(free_percpu(reinterpret_cast<char*>(p) + 3), "no per-CPU memory begins there");
  EXPECT_REPORT(put_cpu(), "put_cpu\\(\\) without get_cpu\\(\\)");
  free_percpu(p);
}

TEST_F(PercpuDeath, variables_that_do_not_fit_end_the_program_when_they_are_loaded) {
  static char room[64];
  const auto load = [](size_t bytes, char* at, size_t room_bytes) {
    const kmem_percpu_image image = {at, at + bytes, room, room + room_bytes, "here.c"};
    kmem_percpu_load(&image);
  };
  static char big[65536 + 8];
  EXPECT_DEATH(load(sizeof big, big, sizeof room), "object with here.c.*may have 64 KiB");
  EXPECT_DEATH(load(8, room - (size_t{65} << 20), sizeof room), "64 MiB of other data");
  EXPECT_DEATH(load(8, room - (size_t{64} << 20), sizeof room), "define KMEM_PERCPU_MAX_COPIES larger");
}

// On top -----------------------------------------------------------------------------------------------------------

TEST(PercpuCounter, reads_about_and_sums_exactly) {
  struct percpu_counter counter;
  ASSERT_EQ(percpu_counter_init(&counter, 100, GFP_KERNEL), 0);
  EXPECT_TRUE(percpu_counter_initialized(&counter));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        percpu_counter_inc(&counter);
        percpu_counter_add_local(&counter, 2);
        percpu_counter_sub(&counter, 1);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(percpu_counter_sum(&counter), 100 + 8 * 5000 * 2);
  percpu_counter_add(&counter, 1 << 20);
  const int64_t sum = percpu_counter_sum(&counter), off = sum - percpu_counter_read(&counter);
  EXPECT_LE(off < 0 ? -off : off, int64_t{80000} + percpu_counter_batch * static_cast<int64_t>(nr_cpu_ids));
  EXPECT_EQ(percpu_counter_compare(&counter, sum), 0);
  EXPECT_LT(percpu_counter_compare(&counter, sum + 1), 0);
  EXPECT_GT(percpu_counter_compare(&counter, 0), 0);
  percpu_counter_set(&counter, -5);
  EXPECT_EQ(percpu_counter_sum(&counter), -5);
  EXPECT_EQ(percpu_counter_sum_positive(&counter), 0);
  EXPECT_EQ(percpu_counter_read_positive(&counter), 0);
  EXPECT_FALSE(percpu_counter_limited_add(&counter, 10, 16));
  EXPECT_TRUE(percpu_counter_limited_add(&counter, 10, 15));
  EXPECT_EQ(percpu_counter_sum(&counter), 10);
  percpu_counter_destroy(&counter);
  EXPECT_FALSE(percpu_counter_initialized(&counter));
}

TEST(PercpuCounter, a_batch_that_is_reached_goes_over_into_the_count) {
  struct percpu_counter counter;
  ASSERT_EQ(percpu_counter_init(&counter, 0, GFP_KERNEL), 0);
  get_cpu();
  for (int i = 0; i < 9; ++i) percpu_counter_add_batch(&counter, 1, 10);
  EXPECT_EQ(percpu_counter_read(&counter), 0);
  percpu_counter_add_batch(&counter, 1, 10);
  EXPECT_EQ(percpu_counter_read(&counter), 10);
  percpu_counter_add_batch(&counter, 25, 10);
  EXPECT_EQ(percpu_counter_read(&counter), 35) << "as much as a batch at once goes there directly";
  put_cpu();
  percpu_counter_destroy(&counter);
}

TEST(PercpuCounter, what_this_cpu_kept_goes_over_when_it_is_asked_to) {
  struct percpu_counter counters[2];
  ASSERT_EQ(percpu_counter_init_many(counters, 7, GFP_KERNEL, 2), 0);
  get_cpu();
  percpu_counter_add_local(&counters[1], 5);
  EXPECT_EQ(percpu_counter_read(&counters[1]), 7);
  percpu_counter_sync(&counters[1]);
  EXPECT_EQ(percpu_counter_read(&counters[1]), 12);
  put_cpu();
  EXPECT_EQ(percpu_counter_read(&counters[0]), 7);
  percpu_counter_destroy_many(counters, 2);
  EXPECT_FALSE(percpu_counter_initialized(&counters[1]));
}

struct Counted {
  struct percpu_ref ref;
  int nr_released = 0, nr_confirmed = 0;
};
void on_release(struct percpu_ref* ref) {
  __atomic_fetch_add(&reinterpret_cast<Counted*>(ref)->nr_released, 1, __ATOMIC_RELAXED);
}
void on_confirm(struct percpu_ref* ref) { ++reinterpret_cast<Counted*>(ref)->nr_confirmed; }

TEST(PercpuRef, is_released_once_by_whoever_puts_the_last) {
  Counted c;
  ASSERT_EQ(percpu_ref_init(&c.ref, on_release, 0, GFP_KERNEL), 0);
  percpu_ref_get(&c.ref);
  percpu_ref_get_many(&c.ref, 4);
  EXPECT_TRUE(percpu_ref_tryget_live(&c.ref));
  percpu_ref_put_many(&c.ref, 5);
  EXPECT_FALSE(percpu_ref_is_zero(&c.ref));
  percpu_ref_kill_and_confirm(&c.ref, on_confirm);
  EXPECT_EQ(c.nr_confirmed, 1);
  EXPECT_TRUE(percpu_ref_is_dying(&c.ref));
  EXPECT_FALSE(percpu_ref_tryget_live(&c.ref));
  EXPECT_TRUE(percpu_ref_tryget(&c.ref));
  percpu_ref_put(&c.ref);
  EXPECT_EQ(c.nr_released, 0);
  percpu_ref_put(&c.ref);
  EXPECT_EQ(c.nr_released, 1);
  EXPECT_TRUE(percpu_ref_is_zero(&c.ref));
  EXPECT_FALSE(percpu_ref_tryget(&c.ref));
  percpu_ref_reinit(&c.ref);
  EXPECT_TRUE(percpu_ref_tryget_live(&c.ref));
  percpu_ref_switch_to_atomic_sync(&c.ref);
  percpu_ref_put(&c.ref);
  percpu_ref_switch_to_percpu(&c.ref);
  percpu_ref_get(&c.ref);
  percpu_ref_kill(&c.ref);
  percpu_ref_put(&c.ref);
  EXPECT_EQ(c.nr_released, 2);
  percpu_ref_exit(&c.ref);
}

TEST(PercpuRef, threads_that_come_and_go_around_the_kill_are_all_counted) {
  for (int round = 0; round < 20; ++round) {
    Counted c;
    ASSERT_EQ(percpu_ref_init(&c.ref, on_release, round % 2 ? PERCPU_REF_INIT_ATOMIC : 0, GFP_KERNEL), 0);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&c] {
        while (percpu_ref_tryget_live(&c.ref)) {
          EXPECT_EQ(__atomic_load_n(&c.nr_released, __ATOMIC_RELAXED), 0);
          percpu_ref_put(&c.ref);
        }
      });
    usleep(2000);
    percpu_ref_kill(&c.ref);
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(c.nr_released, 1);
    EXPECT_TRUE(percpu_ref_is_zero(&c.ref));
    percpu_ref_exit(&c.ref);
  }
}

// C++ --------------------------------------------------------------------------------------------------------------

kmem::per_cpu<long> at_start(5);

struct Tally {
  static inline int alive = 0;
  long n;
  explicit Tally(long first) : n(first) { ++alive; }
  ~Tally() { --alive; }
};

TEST(PercpuCxx, a_per_cpu_object_is_made_counted_and_destroyed) {
  EXPECT_EQ(at_start.sum(), 5 * static_cast<long>(nr_cpu_ids));
  ++at_start;
  at_start += 3;
  at_start -= 1;
  EXPECT_EQ(at_start.sum(), 5 * static_cast<long>(nr_cpu_ids) + 3);
  {
    kmem::per_cpu<Tally> tally(2);
    EXPECT_EQ(Tally::alive, static_cast<int>(nr_cpu_ids));
    tally.mine()->n += 10;
    long sum = 0;
    for (const Tally& each : tally) sum += each.n;
    EXPECT_EQ(sum, 2 * static_cast<long>(nr_cpu_ids) + 10);
    kmem::per_cpu<Tally> moved = std::move(tally);
    EXPECT_EQ(moved.on(0).n + 0, moved.begin()->n);
  }
  EXPECT_EQ(Tally::alive, 0);
  EXPECT_EQ(preempt_count(), 0);
}

// Signal handlers --------------------------------------------------------------------------------------------------

long __percpu* from_both;
void handler(int) {
  this_cpu_inc(*from_both);
  ++*get_cpu_ptr(from_both);
  put_cpu_ptr(from_both);
}

TEST(PercpuSignals, a_handler_may_do_all_of_it) {
  from_both = alloc_percpu(long);
  signal(SIGUSR1, handler);
  for (int i = 0; i < 2000; ++i) {
    this_cpu_inc(*from_both);
    if (i % 2) get_cpu();
    raise(SIGUSR1);
    if (i % 2) put_cpu();
  }
  signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(sum_of(from_both), 2000 * 3);
  free_percpu(from_both);
}

}  // namespace
