// The reserve, the line of waiters and the pool made of both, over an allocator of the test's own.

#include "pool/mempool.h"
#include "watch/context.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace kmem {

/// Reaches into a reserve and a pool, to put them wrong.
class ReserveTestPeer {
 public:
  static Reserve::Place& place(Reserve& r, uint32_t i) { return r.place(i); }
  static Atomic<int32_t>& nr(Reserve& r) { return r.nr_; }
};
class OutCountTestPeer {
 public:
  static Atomic<uint64_t>& own(OutCount& count) { return count.own_; }
};
class MempoolTestPeer {
 public:
  static Reserve& reserve(Mempool& p) { return p.reserve_; }
  static WaitLine& line(Mempool& p) { return p.line_; }
  static Atomic<uint64_t>& nr_out(Mempool& p) { return OutCountTestPeer::own(p.out_); }
};

namespace {

constexpr uint64_t kMillisecond = 1'000'000;

// The reserve -----------------------------------------------------------------------------------------------------------------

class ReserveTest : public testing::Test {
 protected:
  static void* element(uintptr_t n) { return reinterpret_cast<void*>(n * 64); }
  ~ReserveTest() override {
    if (broken_) return;
    EXPECT_FALSE(reserve_.check()) << reserve_.check().rule;
  }
  bool broken_ = false;
  Reserve::Place first_[4] = {}, second_[4] = {}, third_[8] = {};
  Reserve reserve_;
  void SetUp() override { reserve_.init(first_, 4); }
};

TEST_F(ReserveTest, it_takes_as_many_as_it_wants_and_gives_each_back_once) {
  EXPECT_EQ(reserve_.take(), nullptr);
  for (uintptr_t n = 1; n <= 4; ++n) EXPECT_TRUE(reserve_.put(element(n)));
  EXPECT_TRUE(reserve_.full());
  EXPECT_FALSE(reserve_.put(element(5)));
  std::set<void*> taken;
  while (void* e = reserve_.take()) taken.insert(e);
  EXPECT_EQ(taken, (std::set<void*>{element(1), element(2), element(3), element(4)}));
}

TEST_F(ReserveTest, it_grows_by_chunks_that_stay_where_they_are) {
  for (uintptr_t n = 1; n <= 4; ++n) reserve_.put(element(n));
  EXPECT_EQ(reserve_.places_in_next_chunk(), 4u);
  reserve_.add_chunk(second_);
  EXPECT_EQ(reserve_.places_in_next_chunk(), 8u);
  reserve_.add_chunk(third_);
  EXPECT_EQ(reserve_.room(), 16u);
  reserve_.want(13);
  for (uintptr_t n = 5; n <= 13; ++n) EXPECT_TRUE(reserve_.put(element(n)));
  EXPECT_FALSE(reserve_.put(element(14)));
  EXPECT_FALSE(reserve_.check());
  for (uint32_t i = 0; i < 13; ++i) EXPECT_EQ(ReserveTestPeer::place(reserve_, i).peek(), element(i + 1));
}

TEST_F(ReserveTest, what_it_no_longer_wants_is_surplus) {
  for (uintptr_t n = 1; n <= 4; ++n) reserve_.put(element(n));
  reserve_.want(1);
  std::set<void*> surplus;
  while (void* e = reserve_.take_surplus()) surplus.insert(e);
  EXPECT_EQ(surplus.size(), 3u);
  EXPECT_EQ(reserve_.nr(), 1);
}

TEST_F(ReserveTest, a_second_free_is_found_among_the_places) {
  for (uintptr_t n = 1; n <= 3; ++n) reserve_.put(element(n));
  EXPECT_TRUE(reserve_.holds(element(2), 512));
  EXPECT_FALSE(reserve_.holds(element(4), 512));
  reserve_.take();
  EXPECT_FALSE(reserve_.holds(element(3), 512));
}

TEST_F(ReserveTest, a_count_that_is_too_low_costs_time_and_nothing_else) {
  for (uintptr_t n = 1; n <= 4; ++n) reserve_.put(element(n));
  ReserveTestPeer::nr(reserve_).poke(1);  // three threads were between a place and the count when a fork came
  EXPECT_FALSE(reserve_.put(element(5)));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(reserve_.take());
  EXPECT_EQ(reserve_.take(), nullptr);
  broken_ = true;
}

TEST_F(ReserveTest, the_checker_finds_each_rule_broken) {
  reserve_.put(element(1));
  ReserveTestPeer::nr(reserve_).poke(2);
  EXPECT_TRUE(reserve_.check().is("M1"));
  ReserveTestPeer::place(reserve_, 1).poke(element(1));
  EXPECT_TRUE(reserve_.check().is("M2"));
  ReserveTestPeer::place(reserve_, 1).poke(element(2));
  reserve_.want(1);
  EXPECT_TRUE(reserve_.check().is("M3"));
  broken_ = true;
}

// The line --------------------------------------------------------------------------------------------------------------------

TEST(WaitLine, those_who_came_first_are_first) {
  WaitLine line;
  WaitLine::Ticket a, b, c;
  ASSERT_TRUE(line.enter(a) && line.enter(b) && line.enter(c));
  EXPECT_EQ(line.nr_waiting(), 3u);
  EXPECT_TRUE(line.is_first(a) && !line.is_first(b));
  const uint32_t before = line.seen(b);
  line.leave(a);
  EXPECT_NE(line.seen(b), before) << "the next one's bell rings";
  EXPECT_TRUE(line.is_first(b));
}

TEST(WaitLine, who_leaves_out_of_turn_is_passed_over) {
  WaitLine line;
  WaitLine::Ticket t[5];
  for (auto& ticket : t) ASSERT_TRUE(line.enter(ticket));
  line.leave(t[1]);
  line.leave(t[2]);
  line.leave(t[4]);
  EXPECT_TRUE(line.is_first(t[0]));
  line.leave(t[0]);
  EXPECT_TRUE(line.is_first(t[3]));
  line.leave(t[3]);
  EXPECT_FALSE(line.any());
}

TEST(WaitLine, it_goes_round_for_ever) {
  WaitLine line;
  for (int i = 0; i < (1 << 24) / 8 + 5000; ++i) {
    WaitLine::Ticket t[8];
    for (auto& ticket : t) line.enter(ticket);
    for (int k : {3, 7, 0, 1, 2, 6, 4, 5}) line.leave(t[k]);
    if (line.any()) FAIL() << i;
  }
}

TEST(WaitLine, it_has_room_for_so_many_and_says_no_to_more) {
  WaitLine line;
  std::vector<WaitLine::Ticket> tickets(WaitLine::kMostWaiters);
  for (auto& t : tickets) ASSERT_TRUE(line.enter(t));
  WaitLine::Ticket more;
  EXPECT_FALSE(line.enter(more));
  line.leave(tickets[5]);
  EXPECT_FALSE(line.enter(more)) << "a place in the middle is no room";
  line.leave(tickets[0]);
  EXPECT_TRUE(line.enter(more));
}

TEST(WaitLine, a_fork_makes_tickets_void) {
  WaitLine line;
  WaitLine::Ticket old[3], fresh;
  for (auto& t : old) line.enter(t);
  line.leave(old[1]);
  line.after_fork();
  EXPECT_FALSE(line.any());
  line.enter(fresh);
  EXPECT_FALSE(line.knows(old[0]));
  line.leave(old[0]);
  EXPECT_TRUE(line.is_first(fresh));
}

// The pool --------------------------------------------------------------------------------------------------------------------

/// An allocator that fails when told, and remembers what it gave.
struct Source {
  std::atomic<bool> dry{false};
  std::atomic<unsigned> one_in{0};  // fails at random but for one in so many
  std::atomic<uint64_t> nr_calls{0};
  std::atomic<Gfp> last_gfp{0};
  std::mutex lock;
  std::set<void*> out;

  static void* alloc(Gfp gfp, void* self) { return static_cast<Source*>(self)->get(gfp); }
  static void free(void* element, void* self) { static_cast<Source*>(self)->put(element); }
  void* get(Gfp gfp) {
    last_gfp = gfp;
    const uint64_t call = ++nr_calls;
    if (dry || (one_in && call * 0x9e3779b97f4a7c15u >> 40 & 3)) return nullptr;
    void* p = malloc(32);
    const std::lock_guard hold(lock);
    out.insert(p);
    return p;
  }
  void put(void* p) {
    const std::lock_guard hold(lock);
    EXPECT_EQ(out.erase(p), 1u) << "freed twice, or never given";
    ::free(p);
  }
};

const PoolWorld kWorld{[](size_t bytes, Gfp, int) { return calloc(1, bytes); }, [](void* p) { ::free(p); }, nullptr, false};

struct TestPool {
  explicit TestPool(uint32_t min_nr) { made = pool.init(kWorld, list, {min_nr, Source::alloc, Source::free, &source}); }
  ~TestPool() {
    if (broken) return;
    EXPECT_FALSE(list.check()) << list.check().rule;
    EXPECT_EQ(pool.exit(), 0);
    EXPECT_TRUE(source.out.empty()) << source.out.size() << " elements are lost";
  }
  void* get(Gfp gfp = gfp::kKernel) { return pool.alloc(gfp, kForever); }
  bool made = false, broken = false;
  Source source;
  PoolList list;
  Mempool pool;
};

TEST(Mempool, min_nr_elements_are_allocated_at_once_and_held_back) {
  TestPool t(5);
  EXPECT_TRUE(t.made);
  EXPECT_EQ(t.source.out.size(), 5u);
  EXPECT_TRUE(t.pool.saturated());
  TestPool none(0);
  EXPECT_EQ(none.source.out.size(), 1u) << "a pool of none could not keep its promise";
}

TEST(Mempool, a_pool_that_cannot_be_filled_is_none_and_loses_nothing) {
  Source source;
  PoolList list;
  Mempool pool;
  source.dry = true;
  EXPECT_FALSE(pool.init(kWorld, list, {3, Source::alloc, Source::free, &source}));
  EXPECT_FALSE(pool.initialized());
}

TEST(Mempool, the_allocator_comes_first_and_is_asked_modestly) {
  TestPool t(2);
  void* p = t.get();
  EXPECT_EQ(t.source.out.size(), 3u);
  const Gfp gfp = t.source.last_gfp;
  EXPECT_EQ(gfp & (gfp::kNoMemAlloc | gfp::kNoRetry | gfp::kNoWarn), gfp::kNoMemAlloc | gfp::kNoRetry | gfp::kNoWarn);
  EXPECT_FALSE(gfp & (gfp::kDirectReclaim | gfp::kIo));
  t.pool.free(p);
  EXPECT_EQ(t.source.out.size(), 2u) << "the reserve is full, so it went home";
}

TEST(Mempool, then_the_reserve_then_NULL_for_who_may_not_sleep) {
  TestPool t(2);
  t.source.dry = true;
  void* a = t.get(gfp::kAtomic);
  void* b = t.get(gfp::kAtomic);
  EXPECT_TRUE(a && b && a != b);
  EXPECT_EQ(t.get(gfp::kAtomic), nullptr);
  add_preempt_count(preempt::kPreempt);
  EXPECT_EQ(t.get(gfp::kKernel), nullptr) << "it asks with GFP_KERNEL where it may not sleep";
  add_preempt_count(-preempt::kPreempt);
  t.pool.free(a);
  EXPECT_EQ(t.pool.nr_reserved(), 1) << "a free fills the reserve first";
  t.pool.free(b);
}

TEST(Mempool, a_deadline_ends_the_wait) {
  TestPool t(1);
  t.source.dry = true;
  void* a = t.get();
  const uint64_t now = kmem_port_now_ns();
  EXPECT_EQ(t.pool.alloc(gfp::kKernel, now + 20 * kMillisecond), nullptr);
  EXPECT_GE(kmem_port_now_ns(), now + 20 * kMillisecond);
  EXPECT_EQ(t.pool.alloc(gfp::kKernel, now), nullptr);
  EXPECT_EQ(t.pool.nr_waiting(), 0u);
  t.pool.free(a);
}

TEST(Mempool, resizing_in_use_keeps_everything) {
  TestPool t(2);
  t.source.dry = true;
  void* a = t.get();
  t.source.dry = false;
  EXPECT_EQ(t.pool.resize(100, gfp::kKernel), Mempool::Resized::Done);
  EXPECT_TRUE(t.pool.saturated());
  EXPECT_EQ(t.source.out.size(), 101u);
  t.source.dry = true;
  EXPECT_EQ(t.pool.resize(200, gfp::kKernel), Mempool::Resized::Done);
  EXPECT_FALSE(t.pool.saturated()) << "what cannot be had now comes with the frees";
  t.pool.free(a);
  EXPECT_EQ(t.pool.nr_reserved(), 101);
  EXPECT_EQ(t.pool.resize(3, gfp::kKernel), Mempool::Resized::Done);
  EXPECT_EQ(t.source.out.size(), 3u);
}

TEST(Mempool, elements_that_come_after_the_end_go_home) {
  TestPool t(1);
  void* a = t.get();
  void* b = t.get();
  EXPECT_EQ(t.pool.exit(), 2);
  EXPECT_FALSE(t.pool.free(a));
  EXPECT_TRUE(t.pool.free(b)) << "the last one";
}

TEST(Mempool, too_much_is_reported_and_not_kept) {
  TestPool t(2);
  t.source.dry = true;
  void* a = t.get();
  testing::internal::CaptureStderr();
  t.pool.free(a);
  t.pool.free(a);
  t.pool.free(&t);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("mempool overfilled"), std::string::npos);
  EXPECT_EQ(t.pool.nr_reserved(), 2);
  void* b = t.get();
  void* c = t.get();
  testing::internal::CaptureStderr();
  t.pool.free(b);
  t.pool.free(b);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("freed twice"), std::string::npos);
  EXPECT_EQ(t.pool.nr_reserved(), 1);
  t.pool.free(c);
}

TEST(Mempool, the_checker_finds_each_rule_broken) {
  TestPool t(1);
  t.broken = true;
  MempoolTestPeer::nr_out(t.pool).poke(0xffff'ffffu);
  EXPECT_TRUE(t.pool.check().is("M4"));
  MempoolTestPeer::nr_out(t.pool).poke(0);
  WaitLine::Ticket ticket;
  MempoolTestPeer::line(t.pool).enter(ticket);
  EXPECT_TRUE(t.pool.check().is("M5"));
  ReserveTestPeer::nr(MempoolTestPeer::reserve(t.pool)).poke(7);
  EXPECT_TRUE(t.list.check().is("M1"));
  ReserveTestPeer::nr(MempoolTestPeer::reserve(t.pool)).poke(1);
  MempoolTestPeer::line(t.pool).leave(ticket);
  t.broken = false;
}

// Threads ---------------------------------------------------------------------------------------------------------------------

// Eight threads share a reserve of one over an allocator that fails at random, and then always.
TEST(MempoolThreads, no_allocation_that_may_sleep_fails_and_nothing_is_lost_or_doubled) {
  TestPool t(1);
  t.source.one_in = 4;
  std::atomic<uint64_t> done{0};
  std::mutex lock;
  std::set<void*> held;
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < 8; ++k)
    threads.emplace_back([&, k] {
      std::minstd_rand draw(k + 1);
      for (int i = 0; i < 1200; ++i) {
        if (++done == 5000) t.source.dry = true;
        const bool patient = draw() % 4;
        void* p = t.get(patient ? gfp::kKernel : gfp::kAtomic);
        if (!p) {
          if (patient) ADD_FAILURE() << "an allocation that may sleep failed";
          continue;
        }
        {
          const std::lock_guard hold(lock);
          if (!held.insert(p).second) ADD_FAILURE() << "given out twice";
        }
        if (draw() % 8 == 0) std::this_thread::yield();
        {
          const std::lock_guard hold(lock);
          held.erase(p);
        }
        t.pool.free(p);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(t.pool.nr_reserved(), 1);
  EXPECT_EQ(t.pool.nr_waiting(), 0u);
}

TEST(MempoolThreads, waiters_are_served_in_the_order_in_which_they_came) {
  TestPool t(1);
  t.source.dry = true;
  void* p = t.get();
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int k = 0; k < 6; ++k) {
    threads.emplace_back([&, k] {
      void* mine = t.get();
      order.push_back(k);  // one element: one at a time
      t.pool.free(mine);
    });
    while (t.pool.nr_waiting() != static_cast<unsigned>(k + 1)) std::this_thread::yield();
  }
  EXPECT_EQ(t.get(gfp::kAtomic), nullptr);
  t.pool.free(p);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(MempoolThreads, resizing_while_others_allocate_loses_nothing) {
  TestPool t(3);
  t.source.one_in = 4;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < 4; ++k)
    threads.emplace_back([&] {
      while (!stop) {
        void* a = t.get();
        void* b = t.get(gfp::kAtomic);
        t.pool.free(a);
        if (b) t.pool.free(b);
      }
    });
  for (int i = 0; i < 150; ++i) EXPECT_EQ(t.pool.resize(1 + i * 7 % 50, gfp::kKernel), Mempool::Resized::Done);
  stop = true;
  for (auto& thread : threads) thread.join();
}

TEST(MempoolThreads, deadlines_that_pass_leave_the_line_in_order) {
  TestPool t(1);
  t.source.dry = true;
  std::vector<std::thread> threads;
  std::atomic<int> got{0};
  for (unsigned k = 0; k < 8; ++k)
    threads.emplace_back([&, k] {
      std::minstd_rand draw(k + 1);
      for (int i = 0; i < 150; ++i) {
        void* p = t.pool.alloc(gfp::kKernel, k % 2 ? kmem_port_now_ns() + draw() % (kMillisecond / 4) : kForever);
        if (!p) {
          EXPECT_TRUE(k % 2);
          continue;
        }
        ++got;
        if (i % 16 == 0) std::this_thread::yield();
        t.pool.free(p);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_GE(got, 600);
  EXPECT_EQ(t.pool.nr_waiting(), 0u);
}

}  // namespace
}  // namespace kmem
