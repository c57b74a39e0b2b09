// Objects between guard pages: what each mistake is told to be, and that the program goes on.

#include <gtest/gtest.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "asm/io.h"
#include "death/in_child.h"
#include "system/system.h"

namespace kmem {
class GuardedPoolTestPeer {
 public:
  static void miscount(GuardedPool& pool) { pool.counts_.allocs.add(); }
};
}  // namespace kmem

namespace {

using kmem::GuardedPool;

using kmem::test::Outcome;

/// As the boot words kfence.sample_interval=1 kfence.num_objects=N would have set it up.
void arm(bool asked_for = true, uint32_t nr_objects = 31) {
  kmem::System& s = kmem::system();
  s.guarded.init({.pages = &s.pages,
                  .host_page_bytes = s.machine.host_page_bytes,
                  .interval_ms = 1,
                  .nr_objects = nr_objects,
                  .caught = [](const kmem::BadAccess& access) { return kmem::system().guarded.caught(access); },
                  .asked_for = asked_for});
}

template <typename F>
Outcome run(F f) {
  return kmem::test::run_in_child([&] {
    signal(SIGSEGV, SIG_DFL);
    f();
    return 0;
  });
}

/// Addresses as P, numbers of tasks, CPUs and times as N; only what stands above the first trace, and the object's line.
std::string heads(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    at = end == std::string::npos ? text.size() : end + 1;
    if (line.find("BUG: KFENCE") == line.npos && line.find(" at 0x") == line.npos &&
        line.find("Invalid free of") == line.npos && line.find("size=") == line.npos)
      continue;
    for (size_t i; (i = line.find("0x0000")) != line.npos;) line.replace(i, 18, "P");
    if (const size_t plus = line.find("+0x"); plus != line.npos) line.resize(plus);
    for (size_t i; (i = line.find('#')) != line.npos;) line.replace(i, line.find_first_not_of("0123456789", i + 1) - i, "N");
    out += line.substr(6) + "\n";
  }
  return out;
}

bool is_guarded(const void* p) { return kmem::system().guarded.contains(p); }

/// An object of the pool; kzalloc() always takes the slow path.  At the beginning or the end of its page, as wanted.
char* guarded(size_t size, int at_end = -1) {
  for (int tries = 0; tries < 5000; ++tries) {
    char* p = static_cast<char*>(kzalloc(size, GFP_KERNEL));
    const bool fits = at_end < 0 || (reinterpret_cast<uintptr_t>(p) % PAGE_SIZE != 0) == (at_end == 1);
    if (is_guarded(p) && fits) return p;
    kfree(p);
    usleep(300);
  }
  dprintf(STDERR_FILENO, "no guarded object came\n");
  _exit(3);
}

template <typename T>
[[gnu::noinline]] T careless_read(const volatile T* p) {
  return *p;
}
[[gnu::noinline]] void careless_write(volatile char* p, char value) { *p = value; }

#define EXPECT_HEADS(outcome, want)                                \
  do {                                                             \
    EXPECT_EQ(heads((outcome).text), want) << (outcome).text;      \
    EXPECT_EQ((outcome).status, 0) << "the program did not go on"; \
  } while (false)

// Accesses out of bounds ----------------------------------------------------------------------------------------------

TEST(Kfence, a_read_past_the_end) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(128, 1);
    careless_read(p + 128);
    kfree(p);
  });
  EXPECT_HEADS(outcome,
               "BUG: KFENCE: out-of-bounds read in _ZN12_GLOBAL__N_113careless_readIcEET_PVKS1_\n"
               "Out-of-bounds read at P (1B right of kfence-N):\n"
               "kfence-N: P-P, size=128, cache=kmalloc-128\n");
  EXPECT_NE(outcome.text.find("allocated by task"), std::string::npos);
  EXPECT_EQ(outcome.text.find("freed by task"), std::string::npos);
}

TEST(Kfence, a_write_before_the_beginning) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(100, 0);
    careless_write(p - 5, 'x');
    if (careless_read(p - 5) != 'x') _exit(2);  // it went through, as it would have without guards
    kfree(p);
  });
  EXPECT_EQ(heads(outcome.text),
            "BUG: KFENCE: out-of-bounds write in _ZN12_GLOBAL__N_114careless_writeEPVcc\n"
            "Out-of-bounds write at P (5B left of kfence-N):\n"
            "kfence-N: P-P, size=100, cache=kmalloc-128\n");
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, a_guard_is_closed_again_when_the_object_goes) {
  const Outcome outcome = run([] {
    arm(true, 1);
    char* p = guarded(128, 1);
    careless_read(p + 128);
    kfree(p);
    p = guarded(128, 1);
    careless_read(p + 128);
    kfree(p);
  });
  const std::string text = heads(outcome.text);
  EXPECT_NE(text.find("Out-of-bounds"), text.rfind("Out-of-bounds")) << outcome.text;
}

TEST(Kfence, a_write_between_the_end_and_the_guard_is_seen_at_the_free) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(100);
    careless_write(p + 100, 'x');
    kfree(p);
  });
  EXPECT_NE(outcome.text.find("BUG: KFENCE: memory corruption in "), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("[ 0x78 . . ."), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("size=100, cache=kmalloc-128"), std::string::npos);
  EXPECT_EQ(outcome.status, 0);
}

// Uses after the free, wrong frees ------------------------------------------------------------------------------------

TEST(Kfence, a_read_after_the_free) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(64, 0);
    kfree(p);
    careless_read(p + 3);
  });
  EXPECT_EQ(heads(outcome.text),
            "BUG: KFENCE: use-after-free read in _ZN12_GLOBAL__N_113careless_readIcEET_PVKS1_\n"
            "Use-after-free read at P (in kfence-N):\n"
            "kfence-N: P-P, size=64, cache=kmalloc-64\n");
  EXPECT_NE(outcome.text.find("freed by task"), std::string::npos);
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, a_write_after_the_free) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(64);
    kfree(p);
    careless_write(p, 1);
  });
  EXPECT_NE(outcome.text.find("BUG: KFENCE: use-after-free write in _ZN12_GLOBAL__N_114careless_write"), std::string::npos)
      << outcome.text;
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, a_second_free) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(64);
    kfree(p);
    kfree(p);
    if (kmem::system().guarded.check()) _exit(2);
  });
  EXPECT_NE(outcome.text.find("BUG: KFENCE: invalid free in "), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("freed by task"), std::string::npos);
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, a_free_of_the_middle) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(64);
    kfree(p + 8);
    if (ksize(p) != 64) _exit(2);
    kfree(p);
    if (kmem::system().guarded.check()) _exit(2);
  });
  EXPECT_NE(outcome.text.find("BUG: KFENCE: invalid free in "), std::string::npos) << outcome.text;
  EXPECT_EQ(outcome.text.find("freed by task"), std::string::npos) << "it was not";
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, a_free_into_the_wrong_cache) {
  const Outcome outcome = run([] {
    arm();
    kmem_cache* cache = kmem_cache_create("cups", 64, 8, SLAB_NO_MERGE, nullptr);
    char* p = guarded(64);
    kmem_cache_free(cache, p);
    if (!is_guarded(p) || ksize(p) != 64) _exit(2);
    kfree(p);
  });
  EXPECT_NE(outcome.text.find("the object belongs to cache kmalloc-64; nothing was freed"), std::string::npos) << outcome.text;
  EXPECT_EQ(outcome.status, 0);
}

// What is right is right ----------------------------------------------------------------------------------------------

TEST(Kfence, an_object_is_as_any_other) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(100);
    for (int i = 0; i < 100; ++i)
      if (p[i]) _exit(2);  // __GFP_ZERO
    memset(p, 'a', 100);
    if (ksize(p) != 100) _exit(3);
    if (phys_to_virt(virt_to_phys(p)) != p || !virt_to_page(p)) _exit(4);  // it lies in a frame
    char* same = static_cast<char*>(krealloc(p, 90, GFP_KERNEL));
    if (same != p) _exit(5);
    char* q = static_cast<char*>(krealloc(p, 300, GFP_KERNEL));
    for (int i = 0; i < 100; ++i)
      if (q[i] != 'a') _exit(6);
    kfree(q);
    if (kmem::system().guarded.stats().allocated) _exit(7);
  });
  EXPECT_EQ(outcome.text, "");
  EXPECT_EQ(outcome.status, 0);
}

int nr_made, nr_undone;
void make_seven(void* object, kmem_cache_t*, unsigned long flags) {
  if (flags & SLAB_CTOR_CONSTRUCTOR) ++nr_made, *static_cast<int*>(object) = 7;
  else ++nr_undone;
}

TEST(Kfence, constructors_and_destructors_run) {
  const Outcome outcome = run([] {
    arm();
    kmem_cache* cache = kmem_cache_create("sevens", 40, 0, 0, make_seven, make_seven);
    std::vector<void*> all;
    void* found = nullptr;
    // A sample is due each millisecond; so many allocations take longer on any machine.
    for (int i = 0; i < 100'000'000 && !found; ++i) {
      void* p = kmem_cache_alloc(cache, GFP_KERNEL);
      if (*static_cast<int*>(p) != 7) _exit(2);
      if (is_guarded(p)) found = p;
      else all.push_back(p);
      if (all.size() < 1000) continue;
      // What lies in this CPU's sheaf is never a sample: only who needs more than that is given one.
      for (void* q : all) kmem_cache_free(cache, q);
      all.clear();
    }
    if (!found) _exit(3);
    for (void* p : all) kmem_cache_free(cache, p);
    if (!kmem_cache_destroy(cache)) _exit(4);  // refused: one is out
    const int undone = nr_undone;
    kmem_cache_free(cache, found);
    if (nr_undone != undone + 1) _exit(5);
    if (kmem_cache_destroy(cache)) _exit(6);
    if (nr_made != nr_undone) _exit(7);
  });
  EXPECT_NE(outcome.text.find("kmem_cache_destroy(sevens): 1 objects are still allocated"), std::string::npos) << outcome.text;
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, a_full_pool_is_passed_by) {
  const Outcome outcome = run([] {
    arm(true, 3);
    for (int i = 0; i < 3; ++i) guarded(32);
    for (int i = 0; i < 20; ++i) {
      usleep(1000);
      if (void* p = kzalloc(32, GFP_KERNEL); !p || is_guarded(p)) _exit(2);
    }
    if (kmem::system().guarded.stats().skipped_full < 1) _exit(3);
  });
  EXPECT_EQ(outcome.text, "");
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, objects_that_readers_may_still_see_are_left_alone) {
  const Outcome outcome = run([] {
    arm();
    kmem_cache* cache = kmem_cache_create("seen", 64, 0, SLAB_TYPESAFE_BY_RCU, nullptr);
    for (int i = 0; i < 2000; ++i) {
      if (is_guarded(kmem_cache_alloc(cache, GFP_KERNEL))) _exit(2);
      if (i % 100 == 0) usleep(1000);
    }
  });
  EXPECT_EQ(outcome.status, 0);
}

// With other handlers ---------------------------------------------------------------------------------------------------

void leave_with_9(int) { _exit(9); }

TEST(Kfence, a_fault_elsewhere_kills_as_ever) {
  const Outcome outcome = run([] {
    arm();
    guarded(64);
    char* page = static_cast<char*>(mmap(nullptr, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    careless_read(page);
  });
  EXPECT_EQ(outcome.text, "");
  EXPECT_TRUE(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGSEGV) << outcome.status;
}

TEST(Kfence, a_signal_that_was_sent_kills_as_ever) {
  const Outcome outcome = run([] {
    arm();
    guarded(64);
    raise(SIGSEGV);
  });
  EXPECT_TRUE(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGSEGV) << outcome.status;
}

TEST(Kfence, a_fault_elsewhere_goes_to_the_handler_that_was_there) {
  const Outcome outcome = run([] {
    signal(SIGSEGV, leave_with_9);
    arm();
    char* p = guarded(64, 1);
    careless_read(p + 64);  // ours: reported, and on
    char* page = static_cast<char*>(mmap(nullptr, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    careless_read(page);
  });
  EXPECT_NE(outcome.text.find("out-of-bounds read"), std::string::npos) << outcome.text;
  EXPECT_EQ(WEXITSTATUS(outcome.status), 9);
}

TEST(Kfence, unasked_it_stays_out_of_a_programs_way) {
  const Outcome outcome = run([] {
    signal(SIGSEGV, leave_with_9);
    arm(false);
    usleep(1100000);  // the grace
    for (int i = 0; i < 100; ++i) {
      if (is_guarded(kzalloc(64, GFP_KERNEL))) _exit(2);
      usleep(100);
    }
    if (kmem::system().guarded.stats().enabled) _exit(3);
  });
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, a_handler_that_comes_later_ends_it) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(64, 1);
    signal(SIGSEGV, leave_with_9);
    for (int i = 0; i < 20; ++i) {
      kfree(kzalloc(64, GFP_KERNEL));
      usleep(1000);
    }
    if (kmem::system().guarded.stats().enabled) _exit(3);
    careless_read(p + 64);  // nobody closes anything any more
    kfree(p);
    careless_read(p);
  });
  EXPECT_EQ(outcome.text, "");
  EXPECT_EQ(outcome.status, 0);
}

// Many at once ------------------------------------------------------------------------------------------------------------

TEST(Kfence, both_sides_of_a_fork_free_their_own) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(64);
    const pid_t child = fork();
    kfree(p);
    if (kmem::system().guarded.check()) _exit(2);
    if (!child) _exit(0);
    int status;
    waitpid(child, &status, 0);
    if (status) _exit(3);
  });
  EXPECT_EQ(outcome.text, "");
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, threads_and_a_small_pool) {
  const Outcome outcome = run([] {
    arm(true, 7);
    std::vector<std::thread> team;
    for (unsigned t = 0; t < 4; ++t)
      team.emplace_back([t] {
        for (unsigned i = 0; kmem::system().guarded.stats().total_allocs < 30; ++i) {
          const size_t size = 8 + (i * 7 + t * 13) % 500;
          auto* p = static_cast<unsigned char*>(kzalloc(size, GFP_KERNEL));
          memset(p, static_cast<int>(t + 1), size);
          if (is_guarded(p)) usleep(200);
          for (size_t b = 0; b < size; ++b)
            if (p[b] != t + 1) _exit(2);
          kfree(p);
        }
      });
    for (std::thread& thread : team) thread.join();
    if (kmem::check_system()) _exit(3);
    if (kmem::system().guarded.stats().total_allocs < 10) _exit(4);
  });
  EXPECT_EQ(outcome.text, "");
  EXPECT_EQ(outcome.status, 0);
}

TEST(Kfence, the_walker_sees_what_is_broken) {
  const Outcome outcome = run([] {
    arm();
    char* p = guarded(100);
    GuardedPool& pool = kmem::system().guarded;
    if (pool.check()) _exit(2);
    careless_write(p + 100, 'x');
    if (!pool.check().is("G1")) _exit(3);
    kfree(p);
    if (pool.check()) _exit(4);
    kmem::GuardedPoolTestPeer::miscount(pool);
    if (!pool.check().is("G2")) _exit(5);
  });
  EXPECT_EQ(outcome.status, 0);
}

}  // namespace
