// <linux/atomic.h>, <linux/refcount.h>, <linux/kref.h>: what each step answers, and that threads lose none.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

namespace {

TEST(Atomic, returns_are_the_new_value_and_fetches_the_old_one) {
  atomic_t v = ATOMIC_INIT(5);
  EXPECT_EQ(atomic_add_return(3, &v), 8);
  EXPECT_EQ(atomic_fetch_sub(2, &v), 8);
  EXPECT_EQ(atomic_inc_return(&v), 7);
  EXPECT_EQ(atomic_fetch_dec(&v), 7);
  EXPECT_EQ(atomic_fetch_or(8, &v), 6);
  EXPECT_EQ(atomic_fetch_andnot(2, &v), 14);
  EXPECT_EQ(atomic_fetch_xor(1, &v), 12);
  EXPECT_EQ(atomic_read(&v), 13);
  atomic_andnot(1, &v);
  atomic_or(2, &v);
  EXPECT_EQ(atomic_read_acquire(&v), 14);
}

TEST(Atomic, tests_say_whether_zero_or_less_was_reached) {
  atomic_t v = ATOMIC_INIT(2);
  EXPECT_FALSE(atomic_dec_and_test(&v));
  EXPECT_TRUE(atomic_dec_and_test(&v));
  EXPECT_FALSE(atomic_inc_and_test(&v));
  EXPECT_TRUE(atomic_sub_and_test(1, &v));
  EXPECT_TRUE(atomic_add_negative(-1, &v));
  EXPECT_TRUE(atomic_inc_and_test(&v));
}

TEST(Atomic, conditional_steps_are_not_taken_where_the_condition_fails) {
  atomic_t v = ATOMIC_INIT(0);
  EXPECT_FALSE(atomic_inc_not_zero(&v));
  EXPECT_EQ(atomic_dec_if_positive(&v), -1);
  EXPECT_EQ(atomic_read(&v), 0);
  EXPECT_TRUE(atomic_add_unless(&v, 4, 7));
  EXPECT_FALSE(atomic_add_unless(&v, 1, 4));
  EXPECT_FALSE(atomic_dec_unless_positive(&v));
  atomic_set(&v, -3);
  EXPECT_FALSE(atomic_inc_unless_negative(&v));
  EXPECT_EQ(atomic_read(&v), -3);
}

TEST(Atomic, an_exchange_that_fails_says_what_was_there) {
  atomic64_t v = ATOMIC64_INIT(1ll << 40);
  EXPECT_EQ(atomic64_cmpxchg(&v, 1, 2), 1ll << 40);
  s64 expected = 1;
  EXPECT_FALSE(atomic64_try_cmpxchg(&v, &expected, 2));
  EXPECT_EQ(expected, 1ll << 40);
  EXPECT_TRUE(atomic64_try_cmpxchg(&v, &expected, 2));
  EXPECT_EQ(atomic64_xchg(&v, 9), 2);
  EXPECT_EQ(atomic64_read(&v), 9);
}

TEST(Atomic, threads_lose_no_step_in_any_order) {
  atomic_t relaxed = ATOMIC_INIT(0), full = ATOMIC_INIT(0);
  atomic_long_t words = ATOMIC_LONG_INIT(0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10000; ++i) {
        atomic_inc(&relaxed);
        (void)atomic_fetch_add_acquire(1, &full);
        (void)atomic_long_add_return_release(2, &words);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(atomic_read(&relaxed), 40000);
  EXPECT_EQ(atomic_read(&full), 40000);
  EXPECT_EQ(atomic_long_read(&words), 80000);
}

TEST(Atomic, a_release_hands_over_what_was_written_before) {
  int payload = 0;
  atomic_t ready = ATOMIC_INIT(0);
  std::thread reader([&] {
    EXPECT_EQ(atomic_cond_read_acquire(&ready, VAL == 1), 1);
    EXPECT_EQ(payload, 42);
  });
  payload = 42;
  atomic_set_release(&ready, 1);
  reader.join();
}

TEST(Xchg, pointers_and_bytes_are_exchanged_too) {
  int a, b;
  int* p = &a;
  EXPECT_EQ(xchg(&p, &b), &a);
  EXPECT_EQ(cmpxchg(&p, &a, nullptr), &b);
  unsigned char byte = 7;
  EXPECT_EQ(xchg(&byte, 9), 7);
  EXPECT_EQ(cmpxchg(&byte, 9, 11), 9);
  EXPECT_EQ(byte, 11);
}

std::string report_of(void (*step)()) {
  testing::internal::CaptureStderr();
  step();
  return testing::internal::GetCapturedStderr();
}

TEST(Refcount, the_last_put_says_so) {
  refcount_t r = REFCOUNT_INIT(2);
  EXPECT_FALSE(refcount_dec_and_test(&r));
  EXPECT_FALSE(refcount_dec_not_one(&r));
  EXPECT_TRUE(refcount_dec_if_one(&r));
  EXPECT_FALSE(refcount_inc_not_zero(&r));
  EXPECT_EQ(refcount_read(&r), 0u);
}

TEST(Refcount, an_overflow_saturates_and_is_reported_once) {
  const std::string said = report_of([] {
    refcount_t r = REFCOUNT_INIT(REFCOUNT_MAX);
    refcount_inc(&r);
    EXPECT_EQ(static_cast<int>(refcount_read(&r)), REFCOUNT_SATURATED);
  });
  EXPECT_NE(said.find("refcount_t: saturated; leaking memory."), std::string::npos) << said;
}
TEST(Refcount, a_get_of_nothing_and_an_underflow_are_reported) {
  EXPECT_NE(report_of([] {
              refcount_t r = REFCOUNT_INIT(0);
              refcount_inc(&r);
              EXPECT_EQ(static_cast<int>(refcount_read(&r)), REFCOUNT_SATURATED);
            }).find("addition on 0; use-after-free."),
            std::string::npos);
  EXPECT_NE(report_of([] {
              refcount_t r = REFCOUNT_INIT(0);
              for (int i = 0; i < 100; ++i) {
                EXPECT_FALSE(refcount_dec_and_test(&r));
              }
              EXPECT_EQ(static_cast<int>(refcount_read(&r)), REFCOUNT_SATURATED);
            }).find("underflow; use-after-free."),
            std::string::npos);
}

TEST(Refcount, the_last_one_takes_the_lock) {
  refcount_t r = REFCOUNT_INIT(2);
  spinlock_t lock = __SPIN_LOCK_UNLOCKED(lock);
  EXPECT_FALSE(refcount_dec_and_lock(&r, &lock));
  EXPECT_FALSE(spin_is_locked(&lock));
  EXPECT_TRUE(refcount_dec_and_lock(&r, &lock));
  EXPECT_TRUE(spin_is_locked(&lock));
  spin_unlock(&lock);
}

struct Object {
  kref ref;
  bool released = false;
};
TEST(Kref, the_last_put_releases) {
  Object object;
  kref_init(&object.ref);
  kref_get(&object.ref);
  const auto release = [](kref* ref) { container_of(ref, Object, ref)->released = true; };
  EXPECT_EQ(kref_put(&object.ref, release), 0);
  EXPECT_FALSE(object.released);
  EXPECT_EQ(kref_put(&object.ref, release), 1);
  EXPECT_TRUE(object.released);
  EXPECT_FALSE(kref_get_unless_zero(&object.ref));
}

}  // namespace
