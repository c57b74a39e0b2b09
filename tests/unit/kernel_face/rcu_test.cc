// Readers, grace periods, and caches whose memory stays what it is while anybody reads.

#include <linux/rcupdate.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
#include "slab/cache_handle.h"
#include "system/system.h"
#include "unit/kernel_face/log.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

struct Node {
  long value;
  rcu_head rcu;
};

int nr_called;
void count(rcu_head*) { ++nr_called; }

TEST(Rcu, nobody_reads_so_nobody_waits) {
  synchronize_rcu();
  nr_called = 0;
  Node nodes[10];
  for (Node& node : nodes) call_rcu(&node.rcu, count);
  rcu_barrier();
  EXPECT_EQ(nr_called, 10);
  EXPECT_FALSE(rcu_read_lock_held());
}

TEST(Rcu, a_grace_period_waits_for_who_reads_and_not_for_who_comes_later) {
  std::atomic<int> step{0};
  std::atomic<bool> over{false};
  std::thread reader([&] {
    rcu_read_lock();
    rcu_read_lock();
    step = 1;
    while (step != 2) std::this_thread::yield();
    rcu_read_unlock();
    EXPECT_TRUE(rcu_read_lock_held());
    usleep(20000);
    EXPECT_FALSE(over);
    rcu_read_unlock();
  });
  while (step != 1) std::this_thread::yield();
  std::thread writer([&] {
    synchronize_rcu();
    over = true;
  });
  usleep(5000);
  EXPECT_FALSE(over);
  step = 2;
  std::atomic<bool> stop{false};
  std::thread late([&] {  // reads again and again, and never holds anybody up for good
    while (!stop) {
      rcu_read_lock();
      rcu_read_unlock();
    }
  });
  reader.join();
  writer.join();
  EXPECT_TRUE(over);
  stop = true;
  late.join();
}

// What a reader finds is never freed under it: a freed node is overwritten.
TEST(Rcu, readers_never_see_what_is_freed) {
  constexpr long kAlive = 0x1234567;
  std::atomic<bool> stop{false};
  Node* shared = static_cast<Node*>(kmalloc(sizeof(Node), GFP_KERNEL));
  shared->value = kAlive;
  std::vector<std::thread> readers;
  std::atomic<int> nr_reading{0};
  for (int k = 0; k < 3; ++k)
    readers.emplace_back([&] {
      for (bool first = true; !stop; first = false) {
        rcu_read_lock();
        const Node* node = rcu_dereference(shared);
        for (int i = 0; i < 20; ++i) EXPECT_EQ(__atomic_load_n(&node->value, __ATOMIC_RELAXED), kAlive);
        rcu_read_unlock();
        nr_reading += first;
      }
    });
  while (nr_reading < 3) std::this_thread::yield();  // otherwise the writer could be through before anybody reads
  for (int i = 0; i < 300; ++i) {
    auto* fresh = static_cast<Node*>(kmalloc(sizeof(Node), GFP_KERNEL));
    fresh->value = kAlive;
    Node* old = shared;
    rcu_assign_pointer(shared, fresh);
    if (i % 2) {
      call_rcu(&old->rcu, [](rcu_head* head) {
        auto* node = reinterpret_cast<Node*>(reinterpret_cast<char*>(head) - offsetof(Node, rcu));
        __atomic_store_n(&node->value, 0, __ATOMIC_RELAXED);
        kfree(node);
      });
    } else {
      synchronize_rcu();
      __atomic_store_n(&old->value, 0, __ATOMIC_RELAXED);
      kfree_rcu(old, rcu);
    }
  }
  stop = true;
  for (auto& thread : readers) thread.join();
  rcu_barrier();
  kfree(shared);
}

std::atomic<int> nr_handled, nr_wrong_in_handlers;

void read_in_a_handler(int) {
  const int held_before = rcu_read_lock_held();
  rcu_read_lock();
  if (!rcu_read_lock_held()) ++nr_wrong_in_handlers;
  rcu_read_unlock();
  if (rcu_read_lock_held() != held_before) ++nr_wrong_in_handlers;
  ++nr_handled;
}

TEST(Rcu, a_signal_handler_may_read_at_any_instant) {
  nr_handled = nr_wrong_in_handlers = 0;
  signal(SIGUSR1, read_in_a_handler);
  const pthread_t self = pthread_self();
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) pthread_kill(self, SIGUSR1);
  });
#ifdef KMEM_TSAN
  constexpr int kLeast = 0;  // it calls handlers later, from code of its own
#else
  constexpr int kLeast = 20;
#endif
  int nr_wrong = 0;
  for (int i = 0; i < 20000 || nr_handled < kLeast; ++i) {
    rcu_read_lock();
    nr_wrong += !rcu_read_lock_held();
    rcu_read_unlock();
    nr_wrong += rcu_read_lock_held();
  }
  stop = true;
  other.join();
  signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(nr_wrong, 0) << "a section that a handler ended, or left open";
  EXPECT_EQ(nr_wrong_in_handlers, 0);
  synchronize_rcu();  // nobody reads any more
  EXPECT_FALSE(rcu_read_lock_held());
}

TEST(Rcu, a_reader_that_waits_for_readers_is_told_so) {
  rcu_read_lock();
  EXPECT_TRUE(mentions(log_of([] { synchronize_rcu(); }), "in a read-side section"));
  EXPECT_TRUE(rcu_read_lock_held());
  rcu_read_unlock();
  EXPECT_TRUE(mentions(log_of([] { rcu_read_unlock(); }), "without rcu_read_lock"));
}

TEST(Rcu, what_nobody_waits_for_is_called_when_much_has_gathered) {
  for (int i = 0; i < 2000; ++i) {
    auto* node = static_cast<Node*>(kmalloc(sizeof(Node), GFP_KERNEL));
    kfree_rcu(node, rcu);
  }
  nr_called = 0;
  static Node last;
  call_rcu(&last.rcu, count);
  kmem_rcu_poll();
  EXPECT_EQ(nr_called, 1);
  kfree_rcu_mightsleep(kmalloc(10, GFP_KERNEL));
}

TEST(Rcu, in_a_forked_child_other_threads_do_not_read) {
  std::atomic<int> step{0};
  std::thread reader([&] {
    rcu_read_lock();
    step = 1;
    while (step != 2) std::this_thread::yield();
    rcu_read_unlock();
  });
  while (step != 1) std::this_thread::yield();
  const pid_t child = fork();
  if (!child) {
    alarm(300);
    synchronize_rcu();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  step = 2;
  reader.join();
  synchronize_rcu();
}

int nr_destroyed;
void construct(void* p, kmem_cache_t*, unsigned long) { static_cast<Node*>(p)->value = 77; }
void destroy(void*, kmem_cache_t*, unsigned long) { ++nr_destroyed; }

TEST(TypesafeByRcu, slabs_go_back_behind_a_grace_period) {
  nr_destroyed = 0;
  kmem_cache_t* cache = kmem_cache_create("typesafe", sizeof(Node), 0, SLAB_TYPESAFE_BY_RCU, construct, destroy);
  std::vector<Node*> nodes;
  for (int i = 0; i < 500; ++i) nodes.push_back(static_cast<Node*>(kmem_cache_alloc(cache, GFP_KERNEL)));
  std::atomic<int> step{0};
  std::thread reader([&] {
    rcu_read_lock();
    step = 1;
    while (step != 2) std::this_thread::yield();
    usleep(20000);
    for (Node* node : nodes) EXPECT_EQ(node->value, 77) << "freed, but still a node";
    EXPECT_EQ(nr_destroyed, 0);
    rcu_read_unlock();
  });
  while (step != 1) std::this_thread::yield();
  for (Node* node : nodes) kmem_cache_free(cache, node);
  step = 2;
  EXPECT_EQ(kmem_cache_shrink(cache), 0);
  EXPECT_GE(nr_destroyed, 500);
  reader.join();
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST(TypesafeByRcu, destroying_waits_for_readers_too) {
  kmem_cache_t* cache = kmem_cache_create("typesafe2", sizeof(Node), 0, SLAB_TYPESAFE_BY_RCU, construct, destroy);
  auto* node = static_cast<Node*>(kmem_cache_alloc(cache, GFP_KERNEL));
  std::atomic<int> step{0};
  nr_destroyed = 0;
  std::thread reader([&] {
    rcu_read_lock();
    step = 1;
    while (step != 2) std::this_thread::yield();
    usleep(20000);
    EXPECT_EQ(node->value, 77);
    EXPECT_EQ(nr_destroyed, 0);
    rcu_read_unlock();
  });
  while (step != 1) std::this_thread::yield();
  kmem_cache_free(cache, node);
  step = 2;
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
  EXPECT_GT(nr_destroyed, 0);
  reader.join();
}

/// A cache of 2,000 nodes that were all freed, and a thread that reads them.
struct FreedNodes {
  explicit FreedNodes(const char* name)
      : cache(kmem_cache_create(name, sizeof(Node), 0, SLAB_TYPESAFE_BY_RCU, construct, destroy)) {
    nr_destroyed = 0;
    for (int i = 0; i < 2000; ++i) nodes.push_back(static_cast<Node*>(kmem_cache_alloc(cache, GFP_KERNEL)));
    reader = std::thread([this] {
      rcu_read_lock();
      step = 1;
      while (step != 2) std::this_thread::yield();
      for (Node* node : nodes) EXPECT_EQ(node->value, 77) << "freed, but still a node";
      EXPECT_EQ(nr_destroyed, 0);
      rcu_read_unlock();
    });
    while (step != 1) std::this_thread::yield();
    for (Node* node : nodes) kmem_cache_free(cache, node);
  }
  void end_reading() {
    step = 2;
    reader.join();
  }
  int64_t nr_slabs() const { return kmem::cache_of(cache).nr_slabs(); }

  kmem_cache_t* cache;
  std::vector<Node*> nodes;
  std::atomic<int> step{0};
  std::thread reader;
};

TEST(TypesafeByRcu, reclaim_takes_empty_slabs_out_of_use_without_waiting_and_gives_them_back_behind_the_readers) {
  FreedNodes freed("reclaimed");
  const int64_t slabs = freed.nr_slabs();
  ASSERT_GT(slabs, 4);
  kmem::Heap& heap = kmem::system().heap;
  heap.caches().reclaim(kmem::OtherCpus::Interrupt);
  heap.caches().reclaim(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(freed.nr_slabs(), slabs) << "somebody reads";
  // What is on its way is given to nobody.
  auto* other = static_cast<Node*>(kmem_cache_alloc(freed.cache, GFP_KERNEL));
  EXPECT_EQ(std::count(freed.nodes.begin(), freed.nodes.end(), other), 0);
  kmem_cache_free(freed.cache, other);
  freed.end_reading();
  EXPECT_GE(heap.caches().reclaim(kmem::OtherCpus::Interrupt), static_cast<uint64_t>(slabs)) << "pages that came back";
  EXPECT_GE(nr_destroyed, 2000);
  heap.caches().reclaim(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(freed.nr_slabs(), 0);
  EXPECT_FALSE(kmem::check_system());
  EXPECT_EQ(kmem_cache_destroy(freed.cache), 0);
}

TEST(TypesafeByRcu, where_nobody_reads_reclaim_gives_them_back_at_once) {
  FreedNodes freed("reclaimed2");
  freed.end_reading();
  EXPECT_GT(kmem::system().heap.caches().reclaim(kmem::OtherCpus::Interrupt), 0u);
  EXPECT_EQ(freed.nr_slabs(), 0);
  EXPECT_EQ(kmem_cache_destroy(freed.cache), 0);
}

TEST(TypesafeByRcu, a_reader_who_runs_out_of_memory_does_not_wait_for_itself) {
  FreedNodes freed("reclaimed3");
  freed.end_reading();
  const int64_t slabs = freed.nr_slabs();
  rcu_read_lock();
  kmem::system().heap.caches().reclaim(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(freed.nr_slabs(), slabs);
  for (Node* node : freed.nodes) EXPECT_EQ(node->value, 77);
  rcu_read_unlock();
  kmem_rcu_poll();
  EXPECT_EQ(freed.nr_slabs(), 0);
  EXPECT_EQ(kmem_cache_destroy(freed.cache), 0);
}

TEST(TypesafeByRcu, a_cache_whose_slabs_are_on_their_way_is_destroyed_behind_them) {
  FreedNodes freed("reclaimed4");
  kmem::system().heap.caches().reclaim(kmem::OtherCpus::Interrupt);
  EXPECT_GT(freed.nr_slabs(), 0);
  std::thread destroyer([&] { EXPECT_EQ(kmem_cache_destroy(freed.cache), 0); });
  usleep(5000);
  EXPECT_EQ(nr_destroyed, 0);
  freed.end_reading();
  destroyer.join();
  EXPECT_GE(nr_destroyed, 2000);
}

TEST(TypesafeByRcu, a_destroy_that_is_refused_leaves_a_cache_that_reclaim_still_serves) {
  FreedNodes freed("reclaimed5");
  freed.end_reading();
  void* out = kmem_cache_alloc(freed.cache, GFP_KERNEL);
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_NE(kmem_cache_destroy(freed.cache), 0); }), "reclaimed5"));
  kmem_cache_free(freed.cache, out);
  kmem::system().heap.caches().reclaim(kmem::OtherCpus::Interrupt);
  EXPECT_EQ(freed.nr_slabs(), 0);
  EXPECT_EQ(kmem_cache_destroy(freed.cache), 0);
}

TEST(TypesafeByRcu, reclaim_and_users_at_once_lose_nothing_and_readers_always_see_nodes) {
  kmem_cache_t* cache = kmem_cache_create("reclaimed6", sizeof(Node), 0, SLAB_TYPESAFE_BY_RCU, construct, nullptr);
  std::atomic<bool> stop{false};
  std::atomic<Node*> shared{static_cast<Node*>(kmem_cache_alloc(cache, GFP_KERNEL))};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {  // publishes ever another node
    for (int i = 0; i < 2000; ++i) {
      std::vector<Node*> many;
      for (int j = 0; j < 200; ++j) many.push_back(static_cast<Node*>(kmem_cache_alloc(cache, GFP_KERNEL)));
      Node* old = shared.exchange(many.back());
      many.back() = old;
      for (Node* node : many) kmem_cache_free(cache, node);
    }
    stop = true;
  });
  threads.emplace_back([&] {
    while (!stop) kmem::system().heap.caches().reclaim(kmem::OtherCpus::Interrupt);
  });
  threads.emplace_back([&] {
    while (!stop) {
      rcu_read_lock();
      const long value = __atomic_load_n(&shared.load()->value, __ATOMIC_RELAXED);
      if (value != 77) ADD_FAILURE() << value, stop = true;
      rcu_read_unlock();
    }
  });
  for (std::thread& thread : threads) thread.join();
  kmem_cache_free(cache, shared);
  EXPECT_EQ(kmem::cache_of(cache).nr_in_use(), 0);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

}  // namespace
