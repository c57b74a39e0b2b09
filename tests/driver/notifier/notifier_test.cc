// Chains of notifiers: who is called, in which order, and who ends it.

#include "helpers.h"

#include <signal.h>
#include <string.h>

#include <linux/errno.h>
#include <linux/notifier.h>
#include <linux/panic.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>

namespace {

std::string called;

int note(notifier_block* block, unsigned long action, void* data) {
  called += std::to_string(block->priority) + ":" + std::to_string(action) + " ";
  return data ? *static_cast<int*>(data) : NOTIFY_OK;
}

notifier_block block_of(int priority, notifier_fn_t call = note) {
  notifier_block block = {};
  block.notifier_call = call;
  block.priority = priority;
  return block;
}

struct Blocks {
  notifier_block low = block_of(1), middle = block_of(2), high = block_of(3), same = block_of(2);
};

template <typename Chain, typename Add, typename Remove, typename Call>
void check(Chain& chain, Add add, Remove remove, Call call) {
  Blocks b;
  called.clear();
  EXPECT_EQ(call(&chain, 1, nullptr), NOTIFY_DONE);
  EXPECT_EQ(add(&chain, &b.middle), 0);
  EXPECT_EQ(add(&chain, &b.low), 0);
  EXPECT_EQ(add(&chain, &b.high), 0);
  EXPECT_EQ(call(&chain, 5, nullptr), NOTIFY_OK);
  EXPECT_EQ(called, "3:5 2:5 1:5 ");
  const std::string said = test::said_by([&] { EXPECT_EQ(add(&chain, &b.low), -EEXIST); });
  EXPECT_TRUE(test::has(said, "already registered"));
  called.clear();
  int stop = NOTIFY_STOP;
  EXPECT_EQ(call(&chain, 6, &stop), NOTIFY_STOP);
  EXPECT_EQ(called, "3:6 ");
  EXPECT_EQ(remove(&chain, &b.high), 0);
  EXPECT_EQ(remove(&chain, &b.high), -ENOENT);
  EXPECT_EQ(add(&chain, &b.same), 0);
  EXPECT_EQ(b.middle.next, &b.same) << "behind those that were there";
  for (notifier_block* block : {&b.low, &b.middle, &b.same}) EXPECT_EQ(remove(&chain, block), 0);
  called.clear();
  EXPECT_EQ(call(&chain, 7, nullptr), NOTIFY_DONE);
  EXPECT_EQ(called, "");
}

template <typename Chain>
void check_made_while_it_runs(Chain& chain, int (*call)(Chain*, unsigned long, void*)) {
  EXPECT_EQ(chain.head, nullptr);
  EXPECT_EQ(call(&chain, 1, nullptr), NOTIFY_DONE);
}
TEST(Notifiers, a_chain_can_be_made_while_the_program_runs) {
  atomic_notifier_head atomic;
  blocking_notifier_head blocking;
  raw_notifier_head raw;
  for (void* chain : {static_cast<void*>(&atomic), static_cast<void*>(&blocking), static_cast<void*>(&raw)})
    memset(chain, 0x55, sizeof(raw));
  ATOMIC_INIT_NOTIFIER_HEAD(&atomic);
  BLOCKING_INIT_NOTIFIER_HEAD(&blocking);
  RAW_INIT_NOTIFIER_HEAD(&raw);
  check_made_while_it_runs(atomic, atomic_notifier_call_chain);
  check_made_while_it_runs(blocking, blocking_notifier_call_chain);
  check_made_while_it_runs(raw, raw_notifier_call_chain);
}

TEST(Reboot, a_driver_that_ends_the_machine_is_reported_and_goes_on) {
  char command[] = "now";
  EXPECT_TRUE(test::has(test::said_by([&] { kernel_restart(command); }), "the driver restarts the machine: now"));
  EXPECT_TRUE(test::has(test::said_by([] { kernel_halt(); }), "the driver halts the machine"));
  EXPECT_TRUE(test::has(test::said_by([] { kernel_power_off(); }), "the driver switches the machine off"));
  EXPECT_TRUE(test::has(test::said_by([] { emergency_restart(); }), "emergency_restart()"));
  EXPECT_TRUE(test::has(test::said_by([] { machine_restart(nullptr); }), "the driver restarts the machine"));
  EXPECT_TRUE(test::has(test::said_by([] { orderly_poweroff(true); }), "off, by force"));
}

int say_last_words(notifier_block*, unsigned long, void* message) {
  fprintf(stderr, "told: %s\n", static_cast<char*>(message));
  return NOTIFY_DONE;
}
int panic_again(notifier_block*, unsigned long, void*) { panic("again"); }

TEST(Panic, it_says_why_tells_who_wants_to_know_and_ends_the_process) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  notifier_block block = block_of(1, say_last_words);
  EXPECT_EQ(atomic_notifier_chain_register(&panic_notifier_list, &block), 0);
  EXPECT_EXIT(panic("lost %d pages\n", 7), testing::KilledBySignal(SIGABRT),
              "Kernel panic - not syncing: lost 7 pages\n(.*\n)*told: lost 7 pages\n(.*\n)*.*end Kernel panic");
  EXPECT_EQ(atomic_notifier_chain_unregister(&panic_notifier_list, &block), 0);
}

TEST(Panic, one_in_a_notifier_ends_at_once) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  notifier_block block = block_of(1, panic_again);
  EXPECT_EQ(atomic_notifier_chain_register(&panic_notifier_list, &block), 0);
  EXPECT_EXIT(panic("once"), testing::KilledBySignal(SIGABRT), "not syncing: once");
  EXPECT_EQ(atomic_notifier_chain_unregister(&panic_notifier_list, &block), 0);
}

TEST(Notifiers, the_highest_is_called_first_and_may_end_it) {
  ATOMIC_NOTIFIER_HEAD(atomic);
  check(atomic, atomic_notifier_chain_register, atomic_notifier_chain_unregister, atomic_notifier_call_chain);
  BLOCKING_NOTIFIER_HEAD(blocking);
  check(blocking, blocking_notifier_chain_register, blocking_notifier_chain_unregister, blocking_notifier_call_chain);
  RAW_NOTIFIER_HEAD(raw);
  check(raw, raw_notifier_chain_register, raw_notifier_chain_unregister, raw_notifier_call_chain);
  check(panic_notifier_list, atomic_notifier_chain_register, atomic_notifier_chain_unregister, atomic_notifier_call_chain);
}

TEST(Notifiers, one_may_unregister_itself_while_it_is_called) {
  static RAW_NOTIFIER_HEAD(raw);
  const notifier_fn_t once = [](notifier_block* block, unsigned long, void*) {
    called += "once ";
    return raw_notifier_chain_unregister(&raw, block), static_cast<int>(NOTIFY_OK);
  };
  notifier_block first = block_of(9, once);
  Blocks b;
  called.clear();
  EXPECT_EQ(raw_notifier_chain_register(&raw, &first), 0);
  EXPECT_EQ(raw_notifier_chain_register(&raw, &b.low), 0);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(raw_notifier_call_chain(&raw, 0, nullptr), NOTIFY_OK);
  EXPECT_EQ(called, "once 1:0 1:0 ");
}

TEST(Notifiers, errors_are_results_and_back) {
  EXPECT_EQ(notifier_from_errno(0), NOTIFY_OK);
  for (int error : {0, -ENOMEM, -EINVAL}) EXPECT_EQ(notifier_to_errno(notifier_from_errno(error)), error);
  EXPECT_TRUE(notifier_from_errno(-EINVAL) & NOTIFY_STOP_MASK);
}

}  // namespace
