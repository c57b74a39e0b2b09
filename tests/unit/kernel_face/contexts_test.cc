// Where code runs: what is declared, what is found out, what is reported, and what an allocation makes of it.

#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <kmem/scopes.hpp>

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "page/gfp_context.h"
#include "port/port.h"
#include "unit/kernel_face/log.h"
#include "watch/context.h"

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
// ThreadSanitizer calls handlers later, from code of its own, with no frame of the kernel's below them.
#ifdef UNDER_TSAN
#define NEEDS_REAL_HANDLERS() GTEST_SKIP() << "ThreadSanitizer delivers signals by itself"
#else
#define NEEDS_REAL_HANDLERS() (void)0
#endif

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

constexpr const char* kBug = "BUG: sleeping function called from invalid context at ";

void (*in_handler)();
void handle(int) {
  if (in_handler) in_handler();
}

/// Runs `what` in a handler of SIGUSR1.
void in_a_handler(void (*what)(), int flags = 0) {
  struct sigaction action = {}, before;
  action.sa_handler = handle;
  action.sa_flags = flags;
  in_handler = what;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &before, nullptr);
}

/// The head line of the report that names `what`.  Not inlined: g++ 12 would warn of std::string's own copies.
[[gnu::noinline]] std::string bug(const std::string& what) { return kBug + what; }

size_t count(const std::string& text, const std::string& words) {
  size_t n = 0;
  for (size_t at = text.find(words); at != text.npos; at = text.find(words, at + 1)) ++n;
  return n;
}

int answer;

// What is declared -------------------------------------------------------------------------------------------------

TEST(Contexts, a_thread_begins_as_a_task_that_may_sleep) {
  std::thread([] {
    EXPECT_TRUE(in_task());
    EXPECT_FALSE(in_interrupt() || in_atomic() || in_hardirq() || in_softirq() || in_nmi() || irqs_disabled());
    EXPECT_TRUE(preemptible());
    EXPECT_EQ(preempt_count(), 0);
    EXPECT_TRUE(kmem::may_sleep());
  }).join();
}

TEST(Contexts, each_kind_of_section_counts_in_a_field_of_its_own_and_nests) {
  preempt_disable(), preempt_disable();
  EXPECT_EQ(preempt_count(), 2);
  EXPECT_TRUE(in_atomic() && in_task());
  EXPECT_FALSE(in_interrupt() || preemptible());
  local_bh_disable();
  EXPECT_EQ(preempt_count(), 0x202);
  EXPECT_TRUE(in_softirq() && in_interrupt() && in_task());
  EXPECT_FALSE(in_serving_softirq());
  irq_enter(), irq_enter();
  EXPECT_EQ(preempt_count(), 0x20202);
  EXPECT_TRUE(in_hardirq() && in_irq() && in_interrupt());
  EXPECT_FALSE(in_task());
  nmi_enter();
  EXPECT_EQ(preempt_count(), 0x130202);
  EXPECT_TRUE(in_nmi());
  nmi_exit();
  irq_exit(), irq_exit();
  local_bh_enable();
  preempt_enable(), preempt_enable();
  EXPECT_EQ(preempt_count(), 0);
}

TEST(Contexts, an_end_without_a_beginning_is_reported_and_not_counted) {
  EXPECT_TRUE(mentions(log_of([] { preempt_enable(); }), "a section ends that did not begin"));
  EXPECT_EQ(preempt_count(), 0);
  preempt_disable();
  EXPECT_TRUE(mentions(log_of([] { local_bh_enable(); }), "a section ends that did not begin"));
  EXPECT_EQ(preempt_count(), 1) << "another field's section has not ended";
  preempt_enable();
  EXPECT_TRUE(mentions(log_of([] { non_block_end(); }), "non_block_end() without non_block_start()"));
}

TEST(Contexts, sections_that_nest_too_deep_are_reported_and_do_not_carry) {
  for (int i = 0; i < 15; ++i) irq_enter();
  EXPECT_TRUE(mentions(log_of([] { irq_enter(); }), "sections nest too deep"));
  EXPECT_EQ(preempt_count(), 0xf0000);
  for (int i = 0; i < 15; ++i) irq_exit();
  EXPECT_EQ(preempt_count(), 0);
}

TEST(Contexts, another_thread_has_a_count_of_its_own) {
  preempt_disable();
  std::thread([] { EXPECT_EQ(preempt_count(), 0); }).join();
  preempt_enable();
}

// What is found out ------------------------------------------------------------------------------------------------

TEST(Handlers, are_found_out_on_the_ordinary_stack) {
  NEEDS_REAL_HANDLERS();
  EXPECT_FALSE(in_interrupt());
  answer = 0;
  in_a_handler([] { answer = in_interrupt() && in_atomic() && !in_task() && in_hardirq(); });
  EXPECT_EQ(answer, 1);
  EXPECT_FALSE(in_interrupt()) << "and not when they are over";
}

TEST(Handlers, are_found_out_whatever_they_were_installed_with) {
  NEEDS_REAL_HANDLERS();
  for (const int flags : {0, SA_NODEFER, SA_RESTART, SA_SIGINFO, SA_NODEFER | SA_SIGINFO}) {
    answer = 0;
    in_a_handler([] { answer = in_interrupt(); }, flags);
    EXPECT_EQ(answer, 1) << "flags " << std::hex << flags;
  }
}

class AlternateStack {
 public:
  explicit AlternateStack(int flags = 0) : memory_(64 << 10) {
    stack_t mine = {};
    mine.ss_sp = memory_.data();
    mine.ss_size = memory_.size();
    mine.ss_flags = flags;
    EXPECT_EQ(sigaltstack(&mine, &before_), 0);
  }
  ~AlternateStack() { sigaltstack(&before_, nullptr); }

 private:
  std::vector<char> memory_;
  stack_t before_;
};

TEST(Handlers, are_found_out_on_an_alternate_stack) {
  NEEDS_REAL_HANDLERS();
  const AlternateStack stack;
  answer = 0;
  in_a_handler([] { answer = in_interrupt(); }, SA_ONSTACK);
  EXPECT_EQ(answer, 1);
  EXPECT_FALSE(in_interrupt());
}

TEST(Handlers, are_found_out_on_an_alternate_stack_that_disarms_itself) {
  NEEDS_REAL_HANDLERS();
#ifndef SS_AUTODISARM
  constexpr int SS_AUTODISARM = static_cast<int>(1u << 31);
#endif
  const AlternateStack stack(SS_AUTODISARM);
  answer = 0;
  in_a_handler([] { answer = in_interrupt(); }, SA_ONSTACK);
  EXPECT_EQ(answer, 1);
  EXPECT_FALSE(in_interrupt());
}

TEST(Handlers, are_found_out_when_they_interrupt_each_other) {
  NEEDS_REAL_HANDLERS();
  answer = 0;
  in_a_handler([] {
    struct sigaction action = {}, before;
    action.sa_handler = [](int) { answer += in_interrupt(); };
    sigaction(SIGUSR2, &action, &before);
    raise(SIGUSR2);
    sigaction(SIGUSR2, &before, nullptr);
    answer += in_interrupt();
  });
  EXPECT_EQ(answer, 2);
  EXPECT_FALSE(in_interrupt());
}

TEST(Handlers, are_found_out_in_other_threads_too) {
  NEEDS_REAL_HANDLERS();
  answer = 0;
  std::thread([] {
    EXPECT_FALSE(in_interrupt());
    in_a_handler([] { answer = in_interrupt(); });
    EXPECT_FALSE(in_interrupt());
  }).join();
  EXPECT_EQ(answer, 1);
}

/// Stack of which nothing is initialised, deeper than a frame of the kernel's.
__attribute__((noinline)) bool in_interrupt_over_old_stack() {
  volatile char old[16384];
  old[0] = 0;
  const bool yes = in_interrupt();
  return yes && old[0] == 0;
}
__attribute__((noinline)) void leave_a_frame_behind() {
  volatile char deeper[8192];
  deeper[0] = 0;
  in_a_handler([] {});
  answer += deeper[0];
}

TEST(Handlers, that_have_returned_are_not_taken_for_running_ones) {
  for (int i = 0; i < 3; ++i) {
    leave_a_frame_behind();
    EXPECT_FALSE(in_interrupt_over_old_stack());
  }
}

TEST(Handlers, for_crashes_that_defer_nothing_do_not_make_old_ones_credible) {
  struct sigaction crash = {}, before;
  crash.sa_handler = [](int) { _exit(1); };
  crash.sa_flags = SA_NODEFER | SA_ONSTACK;
  ASSERT_EQ(sigaction(SIGSEGV, &crash, &before), 0);
  leave_a_frame_behind();
  EXPECT_FALSE(in_interrupt_over_old_stack());
  sigaction(SIGSEGV, &before, nullptr);
}

sigjmp_buf way_out;
TEST(Handlers, that_were_left_by_a_jump_are_not_taken_for_running_ones) {
  NEEDS_REAL_HANDLERS();
  if (!sigsetjmp(way_out, 1)) in_a_handler([] { siglongjmp(way_out, 1); });
  signal(SIGUSR1, SIG_DFL);
  EXPECT_FALSE(in_interrupt());
  EXPECT_FALSE(in_interrupt_over_old_stack());
  answer = 0;
  in_a_handler([] { answer = in_interrupt(); });
  EXPECT_EQ(answer, 1) << "and the next one is found out again";
}

TEST(Handlers, that_declare_themselves_end_when_they_say_so) {
  in_a_handler([] {
    const kmem::interrupt_scope interrupt;
    answer = preempt_count();
  });
  EXPECT_EQ(answer, 0x10000);
  EXPECT_EQ(preempt_count(), 0);
}

TEST(Handlers, finding_them_out_leaves_errno_alone) {
  errno = 77;
  EXPECT_FALSE(in_interrupt());
  EXPECT_EQ(errno, 77);
}

// smp_processor_id -------------------------------------------------------------------------------------------------

[[gnu::noinline]] void ask() { answer = smp_processor_id(); }  // one place, and no tail call

TEST(SmpProcessorId, with_debug_preempt_a_place_that_asks_while_it_may_be_preempted_is_named_once) {
  EXPECT_EQ(log_of([] { ask(); }), "") << "nobody asked for it";
  kmem::check_processor_ids(true);
  const std::string log = log_of([] {
    for (int i = 0; i < 3; ++i) ask();
  });
  EXPECT_EQ(count(log, "BUG: using smp_processor_id() in preemptible [00000000] code: "), 1u) << log;
  EXPECT_EQ(count(log, "/" + std::to_string(gettid())), 1u) << log;
  kmem::forget_sleep_sites();
  EXPECT_EQ(log_of([] { raw_smp_processor_id(); }), "");
  preempt_disable();
  EXPECT_EQ(log_of([] { smp_processor_id(); }), "");
  preempt_enable();
  EXPECT_EQ(log_of([] {
              local_irq_disable();
              smp_processor_id();
              local_irq_enable();
            }),
            "");
  EXPECT_EQ(log_of([] {
              get_cpu();
              smp_processor_id();
              put_cpu();
            }),
            "");
  kmem::check_processor_ids(false);
}

// might_sleep ------------------------------------------------------------------------------------------------------

TEST(MightSleep, says_nothing_where_one_may) {
  EXPECT_EQ(log_of([] {
              might_sleep();
              might_sleep_if(true);
            }),
            "");
}

TEST(MightSleep, names_file_line_and_what_is_wrong_with_the_context) {
  preempt_disable();
  const int line = __LINE__ + 1;
  const std::string log = log_of([] { might_sleep(); });
  preempt_enable();
  EXPECT_TRUE(mentions(log, bug(__FILE__ ":" + std::to_string(line) + "\n"))) << log;
  EXPECT_TRUE(mentions(log, "in_atomic(): 1, irqs_disabled(): 0, non_block: 0, in_interrupt(): 0")) << log;
  EXPECT_TRUE(mentions(log, "preempt_count: 1, expected: 0; context: preemption is off, or a spin lock is held")) << log;
  EXPECT_TRUE(mentions(log, "Call Trace:")) << log;
}

TEST(MightSleep, complains_once_for_each_place) {
  preempt_disable();
  const std::string log = log_of([] {
    for (int i = 0; i < 5; ++i) might_sleep();
    might_sleep();
  });
  preempt_enable();
  EXPECT_EQ(count(log, kBug), 2u) << log;
}

TEST(MightSleep, complains_of_each_reason_why_one_may_not) {
  const auto complains = [](const char* context, const std::string& log) {
    EXPECT_TRUE(mentions(log, std::string("context: ") + context)) << log;
  };
  local_bh_disable();
  complains("a softirq, or softirqs are off", log_of([] { might_sleep(); }));
  local_bh_enable();
  local_irq_disable();
  complains("interrupts are off", log_of([] { might_sleep(); }));
  local_irq_enable();
  non_block_start();
  complains("non_block_start()", log_of([] { might_sleep(); }));
  non_block_end();
  irq_enter();
  complains("an interrupt", log_of([] { might_sleep(); }));
  irq_exit();
  EXPECT_EQ(log_of([] { might_sleep(); }), "");
}

TEST(MightSleep, finds_a_handler_out_that_did_not_declare_itself) {
  NEEDS_REAL_HANDLERS();
  const std::string log = log_of([] { in_a_handler([] { might_sleep(); }); });
  EXPECT_TRUE(mentions(log, "context: a signal handler that did not declare itself")) << log;
  EXPECT_TRUE(mentions(log, "in_interrupt(): 1")) << log;
}

TEST(MightSleep, its_opposite_complains_where_one_may) {
  EXPECT_TRUE(mentions(log_of([] { cant_sleep(); }), "BUG: assuming atomic context at "));
  preempt_disable();
  EXPECT_EQ(log_of([] { cant_sleep(); }), "");
  preempt_enable();
}

TEST(MightSleep, a_mutex_may_be_locked_only_where_one_may) {
  DEFINE_MUTEX(lock);
  EXPECT_EQ(log_of([&] { mutex_lock(&lock), mutex_unlock(&lock); }), "");
  preempt_disable();
  const std::string log = log_of([&] { mutex_lock(&lock), mutex_unlock(&lock); });
  preempt_enable();
  EXPECT_TRUE(mentions(log, bug("mutex_lock\n"))) << log;
}

// Allocations ------------------------------------------------------------------------------------------------------

TEST(Allocations, that_may_sleep_are_reported_where_they_may_not_and_served) {
  const kmem::atomic_scope atomic;
  void* block = nullptr;
  const std::string log = log_of([&] { block = kmalloc(20000, GFP_KERNEL | __GFP_ZERO); });
  ASSERT_TRUE(block);
  EXPECT_EQ(static_cast<char*>(block)[19999], 0) << "the other flags hold";
  kfree(block);
  EXPECT_TRUE(mentions(log, bug("kmalloc\n"))) << log;
  EXPECT_TRUE(mentions(log, "(GFP_KERNEL|__GFP_ZERO), called from [<")) << log;
  EXPECT_TRUE(mentions(log, "Call Trace:")) << log;
}

TEST(Allocations, are_reported_once_for_each_place) {
  const kmem::atomic_scope atomic;
  const std::string log = log_of([] {
    for (int i = 0; i < 5; ++i) kfree(kmalloc(30000, GFP_KERNEL));
    kfree(kmalloc(30000, GFP_KERNEL));
  });
  EXPECT_EQ(count(log, kBug), 2u) << log;
}

TEST(Allocations, of_every_kind_are_looked_at) {
  kmem_cache* cache = kmem_cache_create("context-test", 4096, 0, SLAB_NO_MERGE, nullptr);
  const kmem::atomic_scope atomic;
  EXPECT_TRUE(mentions(log_of([] { __free_pages(alloc_pages(GFP_KERNEL, 3), 3); }), "at alloc_pages\n"));
  EXPECT_TRUE(mentions(log_of([] { __free_pages(alloc_pages_node(0, GFP_NOFS, 3), 3); }), "(GFP_NOFS)"));
  EXPECT_TRUE(mentions(log_of([] { kfree(kmalloc_node(20, GFP_NOIO, 0)); }), "(GFP_NOIO)"));
  EXPECT_TRUE(
      mentions(log_of([&] { kmem_cache_free(cache, kmem_cache_alloc_node(cache, GFP_KERNEL, 0)); }), "at kmem_cache_alloc\n"));
  EXPECT_TRUE(mentions(log_of([] { might_alloc(GFP_KERNEL); }), "at might_alloc\n"));
  EXPECT_EQ(log_of([] { might_alloc(GFP_ATOMIC); }), "");
  kmem_cache_destroy(cache);
}

TEST(Allocations, made_on_somebodys_behalf_are_reported_for_whoever_asked) {
  static const char text[10001] = {};
  const kmem::atomic_scope atomic;
  const auto copy = []() __attribute__((noinline)) { kfree(kmemdup(text, sizeof text, GFP_KERNEL)); };
  const std::string log = log_of([&] {
    copy();
    copy();
    kfree(kmemdup(text, sizeof text, GFP_KERNEL));
    kfree(krealloc(kmalloc(20, GFP_ATOMIC), 20000, GFP_KERNEL));
  });
  EXPECT_EQ(count(log, kBug), 3u) << log;
}

TEST(Allocations, that_never_sleep_are_welcome_everywhere) {
  const kmem::atomic_scope atomic;
  const std::string log = log_of([] {
    kfree(kmalloc(20000, GFP_ATOMIC));
    kfree(kmalloc(20000, GFP_NOWAIT));
    __free_pages(alloc_pages(GFP_ATOMIC, 2), 2);
  });
  EXPECT_EQ(log, "");
}

TEST(Allocations, in_a_handler_that_did_not_declare_itself_are_found_out) {
  NEEDS_REAL_HANDLERS();
  static void* block;
  const std::string log = log_of([] { in_a_handler([] { block = kmalloc(40000, GFP_KERNEL); }); });
  EXPECT_TRUE(block);
  kfree(block);
  EXPECT_EQ(count(log, kBug), 1u) << log;
  EXPECT_TRUE(mentions(log, "a signal handler that did not declare itself")) << log;
}

TEST(Allocations, are_served_without_anything_that_only_sleepers_may) {
  using namespace kmem;
  char site = 0;
  EXPECT_EQ(effective_gfp(gfp::kKernel | gfp::kNoFail, &site), gfp::kKernel | gfp::kNoFail);
  const kmem::atomic_scope atomic;
  log_of([&] { EXPECT_EQ(effective_gfp(gfp::kKernel | gfp::kNoFail | gfp::kZero, &site), gfp::kAtomic | gfp::kZero); });
  EXPECT_EQ(log_of([] { EXPECT_EQ(effective_gfp(gfp::kKernel, nullptr), gfp::kAtomic); }), "") << "malloc's";
  EXPECT_FALSE(may_reclaim(gfp::kKernel) || may_block(gfp::kKernel));
}

// Scopes -----------------------------------------------------------------------------------------------------------

TEST(Scopes, take_away_what_must_not_be_done_and_give_it_back) {
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_KERNEL);
  const unsigned outer = memalloc_nofs_save();
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_NOFS);
  const unsigned inner = memalloc_noio_save();
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_NOIO);
  const unsigned again = memalloc_noio_save();
  memalloc_noio_restore(again);
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_NOIO) << "the outer one still holds";
  memalloc_noio_restore(inner);
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_NOFS);
  memalloc_nofs_restore(outer);
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_KERNEL);
}

TEST(Scopes, of_a_task_that_frees_memory_open_the_reserves_and_forbid_reclaim) {
  using namespace kmem;
  const kmem::noreclaim_scope frees;
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_KERNEL | __GFP_MEMALLOC);
  EXPECT_EQ(current_gfp_context(GFP_KERNEL | __GFP_NOMEMALLOC), GFP_KERNEL | __GFP_NOMEMALLOC);
  EXPECT_FALSE(may_reclaim(gfp::kKernel));
  EXPECT_TRUE(may_block(gfp::kKernel));
  const kmem::interrupt_scope interrupt;
  EXPECT_EQ(current_gfp_context(GFP_ATOMIC), GFP_ATOMIC) << "an interrupt on top of it is not that task";
}

TEST(Scopes, belong_to_their_thread) {
  const kmem::noio_scope noio;
  std::thread([] { EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_KERNEL); }).join();
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_NOIO);
}

// Interrupts off ---------------------------------------------------------------------------------------------------

volatile sig_atomic_t nr_handled;

TEST(InterruptsOff, keep_handlers_out_until_they_are_on_again) {
  NEEDS_REAL_HANDLERS();
  struct sigaction action = {}, before;
  action.sa_handler = [](int) { nr_handled = nr_handled + 1; };
  sigaction(SIGUSR1, &action, &before);
  nr_handled = 0;
  unsigned long outer, inner;
  local_irq_save(outer);
  EXPECT_TRUE(irqs_disabled());
  raise(SIGUSR1);
  local_irq_save(inner);
  local_irq_restore(inner);
  EXPECT_TRUE(irqs_disabled()) << "the outer section still holds";
  EXPECT_EQ(nr_handled, 0);
  local_irq_restore(outer);
  EXPECT_EQ(nr_handled, 1);
  EXPECT_FALSE(irqs_disabled());
  sigaction(SIGUSR1, &before, nullptr);
}

TEST(InterruptsOff, leave_the_signal_mask_as_it_was) {
  sigset_t before, after;
  pthread_sigmask(SIG_BLOCK, nullptr, &before);
  local_irq_disable();
  local_irq_enable();
  local_irq_enable();
  pthread_sigmask(SIG_BLOCK, nullptr, &after);
  for (int signal = 1; signal < 65; ++signal) EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
}

// Locks ------------------------------------------------------------------------------------------------------------

TEST(SpinLocks, make_an_atomic_section_for_as_long_as_they_are_held) {
  DEFINE_SPINLOCK(lock);
  spin_lock(&lock);
  EXPECT_TRUE(spin_is_locked(&lock));
  EXPECT_EQ(preempt_count(), 1);
  EXPECT_TRUE(mentions(log_of([] { kfree(kmalloc(50000, GFP_KERNEL)); }), kBug));
  spin_unlock(&lock);
  EXPECT_EQ(preempt_count(), 0);
  EXPECT_FALSE(spin_is_locked(&lock));
}

TEST(SpinLocks, of_all_forms_undo_what_they_did) {
  raw_spinlock_t lock;
  raw_spin_lock_init(&lock);
  unsigned long flags;
  raw_spin_lock_irqsave(&lock, flags);
  EXPECT_TRUE(irqs_disabled() && in_atomic());
  raw_spin_unlock_irqrestore(&lock, flags);
  EXPECT_FALSE(irqs_disabled());
  spin_lock_irq(&lock);
  EXPECT_TRUE(irqs_disabled());
  spin_unlock_irq(&lock);
  spin_lock_bh(&lock);
  EXPECT_EQ(preempt_count(), 0x201);
  spin_unlock_bh(&lock);
  EXPECT_TRUE(spin_trylock(&lock));
  EXPECT_FALSE(spin_trylock(&lock) || spin_trylock_bh(&lock) || spin_trylock_irq(&lock));
  EXPECT_FALSE(spin_trylock_irqsave(&lock, flags));
  EXPECT_EQ(preempt_count(), 1) << "what was not locked leaves no trace";
  EXPECT_FALSE(irqs_disabled());
  spin_unlock(&lock);
  EXPECT_EQ(preempt_count(), 0);
}

// The task -------------------------------------------------------------------------------------------------------------

TEST(Current, has_flags_that_are_those_of_the_scopes) {
  struct task_struct* task = get_current();
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_KERNEL);
  const unsigned saved = task->flags;
  task->flags |= PF_MEMALLOC_NOFS;  // as older code does it
  EXPECT_EQ(current_gfp_context(GFP_KERNEL), GFP_NOFS);
  {
    const unsigned inner = memalloc_noio_save();
    EXPECT_NE(task->flags & PF_MEMALLOC_NOIO, 0u);
    memalloc_noio_restore(inner);
  }
  current_restore_flags(saved, PF_MEMALLOC_NOFS);
  EXPECT_EQ(task->flags, saved);
  std::thread([&] { EXPECT_NE(get_current(), task) << "each has its own"; }).join();
}

TEST(Current, is_named_by_the_host_and_others_are_not_known) {
  char name[TASK_COMM_LEN];
  EXPECT_EQ(task_pid_nr(get_current()), static_cast<int>(gettid()));
  EXPECT_GT(strlen(get_task_comm(name, get_current())), 0u);
  const struct task_struct other = {};
  EXPECT_EQ(task_pid_nr(&other), 0);
  EXPECT_STREQ(get_task_comm(name, &other), "");
}

TEST(Sleeping, takes_its_time_and_is_reported_where_it_must_not_be) {
  const uint64_t begin = kmem_port_now_ns();
  EXPECT_EQ(schedule_timeout_uninterruptible(static_cast<long>(msecs_to_jiffies(20))), 0);
  EXPECT_GE(kmem_port_now_ns() - begin, 20'000'000u);
  preempt_disable();
  long left = 0;
  EXPECT_TRUE(mentions(log_of([&] { left = schedule_timeout_uninterruptible(5000 * HZ); }),
                       "sleeping function called from invalid context"));
  EXPECT_TRUE(mentions(log_of([] { EXPECT_EQ(cond_resched(), 0); }), "sleeping function called from invalid context"));
  preempt_enable();
  EXPECT_EQ(left, 5000 * HZ) << "it did not sleep";
  EXPECT_TRUE(mentions(log_of([] { EXPECT_EQ(schedule_timeout_killable(-1), 0); }), "schedule_timeout: wrong timeout value"));
}

TEST(Turns, end_after_some_milliseconds_and_begin_again_where_others_ran) {
  kmem_begin_turn();
  const uint64_t begin = kmem_port_now_ns();
  EXPECT_FALSE(need_resched()) << "it is the first time that it asks";
  while (!need_resched()) kmem_port_now_ns();
  EXPECT_GE(kmem_port_now_ns() - begin, 4'000'000u);
  EXPECT_EQ(cond_resched(), 1);
  EXPECT_EQ(cond_resched(), 0);
}

TEST(Turns, begin_again_after_a_sleep) {
  while (!need_resched()) kmem_port_now_ns();
  schedule_timeout_uninterruptible(1);
  EXPECT_FALSE(need_resched());
}

TEST(Turns, do_not_end_in_a_section_that_must_not_sleep) {
  preempt_disable();
  while (!need_resched()) kmem_port_now_ns();
  EXPECT_TRUE(mentions(log_of([] { EXPECT_EQ(cond_resched(), 0); }), "sleeping function called from invalid context"));
  preempt_enable();
  EXPECT_EQ(cond_resched(), 1);
}

TEST(SpinLocks, unlocked_by_somebody_else_stay_locked_and_that_is_reported) {
  static DEFINE_SPINLOCK(lock);
  EXPECT_TRUE(
      mentions(log_of([] { spin_unlock(&lock); }), "is unlocked by a task that does not hold it, and neither does another"));
  spin_lock(&lock);
  std::thread([] {
    EXPECT_TRUE(mentions(log_of([] { spin_unlock(&lock); }), "is unlocked by a task that does not hold it; nothing was done"));
  }).join();
  EXPECT_TRUE(spin_is_locked(&lock));
  spin_unlock(&lock);
  EXPECT_EQ(preempt_count(), 0);
}

TEST(SpinLocks, let_one_in_at_a_time) {
  DEFINE_SPINLOCK(lock);
  DEFINE_MUTEX(mutex);
  DEFINE_RWLOCK(rwlock);
  int by_spin = 0, by_mutex = 0, by_writer = 0;
  std::atomic<int> odd{0};  // readers count at the same time
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; ++i) {
        spin_lock(&lock), ++by_spin, spin_unlock(&lock);
        mutex_lock(&mutex), ++by_mutex, mutex_unlock(&mutex);
        if (i % 4) {
          read_lock(&rwlock);
          odd += by_writer & 1;
          read_unlock(&rwlock);
        } else {
          write_lock(&rwlock);
          ++by_writer, ++by_writer;
          write_unlock(&rwlock);
        }
      }
      EXPECT_EQ(preempt_count(), 0);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(by_spin, 80000);
  EXPECT_EQ(by_mutex, 80000);
  EXPECT_EQ(by_writer, 40000);
  EXPECT_EQ(odd, 0);
}

TEST(RwLocks, let_readers_in_together_and_a_writer_alone) {
  rwlock_t lock;
  rwlock_init(&lock);
  read_lock(&lock);
  EXPECT_TRUE(read_trylock(&lock));
  EXPECT_FALSE(write_trylock(&lock));
  read_unlock(&lock), read_unlock(&lock);
  EXPECT_TRUE(write_trylock(&lock));
  EXPECT_FALSE(read_trylock(&lock));
  EXPECT_TRUE(mentions(log_of([&] { read_unlock(&lock); }), "rwlock"));
  write_unlock(&lock);
  EXPECT_EQ(preempt_count(), 0);
  unsigned long flags;
  write_lock_irqsave(&lock, flags), write_unlock_irqrestore(&lock, flags);
  read_lock_irqsave(&lock, flags), read_unlock_irqrestore(&lock, flags);
  EXPECT_FALSE(irqs_disabled());
}

TEST(Mutexes, know_whether_they_are_locked_and_by_whom) {
  struct mutex lock;
  mutex_init(&lock);
  EXPECT_TRUE(mutex_trylock(&lock));
  EXPECT_TRUE(mutex_is_locked(&lock));
  EXPECT_FALSE(mutex_trylock(&lock));
  mutex_unlock(&lock);
  EXPECT_TRUE(mentions(log_of([&] { mutex_unlock(&lock); }), "mutex"));
  EXPECT_EQ(mutex_lock_interruptible(&lock), 0);
  mutex_unlock(&lock);
  mutex_destroy(&lock);
}

using SpinLocksDeathTest = testing::Test;
TEST(SpinLocksDeathTest, a_second_lock_by_the_holder_is_reported_and_the_end) {
  DEFINE_SPINLOCK(lock);
  DEFINE_MUTEX(mutex);
  EXPECT_DEATH((spin_lock(&lock), spin_lock(&lock)), "BUG: spinlock recursion on");
  EXPECT_DEATH((mutex_lock(&mutex), mutex_lock(&mutex)), "BUG: mutex recursion on");
}

#ifndef UNDER_TSAN
DEFINE_SPINLOCK(shared_with_a_handler);
TEST(SpinLocksDeathTest, a_handler_that_interrupts_the_holder_is_named) {
  EXPECT_DEATH((spin_lock(&shared_with_a_handler), in_a_handler([] { spin_lock(&shared_with_a_handler); })),
               "in an interrupt that came while it was held");
}
#endif

}  // namespace
