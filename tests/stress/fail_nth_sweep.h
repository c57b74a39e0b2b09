#pragma once
// Every failure point that kmem's own calls pass fails once, and from then on for ever, each in a process of its own.
//
// One scenario uses every kind of allocation.  For n = 1, 2, 3 … a forked child makes its n-th point fail, lives
// through it, frees everything, and then asks: are all structures sound, is every frame, sheaf and mapping back where
// it was, and does the same scenario now succeed from end to end?  The sweep ends at the first n that is not reached.
//
//   KMEM_FAIL_NTH=12 or 12-40    only these n
//   KMEM_FAIL_NTH_MODE=once      or forever; both unless told

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "fail_nth_scenario.h"
#include "watch/fault_injection.h"

namespace kmem::fail_nth {

constexpr unsigned kPatience = 300;  // seconds for one child

// What must be as it was ----------------------------------------------------------------------------------------------

struct Account {
  uint64_t frames = 0;  // in use, after everything that can come back has come back
  uint64_t mapped = 0;
  uint64_t sheaves = 0;
  uint64_t objects = 0;
  uint32_t caches = 0;
};

/// Sheaves that lie neither in the pool nor with a CPU's spare ones.
inline uint64_t sheaves_out() {
  System& s = kmem::system();
  uint64_t known = s.sheaves.count_free();
  for (uint32_t cpu = 0; cpu < 2 * s.machine.nr_cpus; ++cpu) {
    const uint64_t word = CpuStack::word({cpu}, kSpareSheaves);
    if (word && word != s.sheaves.closed()) known += 1 + Sheaf::of_word(s.sheaves.base(), word).count();
  }
  return s.sheaves.nr_used() - 1 - known;
}

inline Account settle_and_count() {
  System& s = kmem::system();
  kmem::let_go_kept(s.heap);
  s.heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
  s.pages.drain();
  Account a;
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) {
    const Zone& zone = s.pages.zone(i);
    a.frames += zone.nr_in_use() - (zone.first().value == 0 && zone.is_online({0}));  // frame 0 is nobody's
  }
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id) {
    if (!s.heap.cache(id).live()) continue;
    a.objects += static_cast<uint64_t>(s.heap.cache(id).nr_in_use());
    a.caches += strncmp(s.heap.cache(id).name(), "dma", 3) != 0;  // these are made when they are first asked for
  }
  a.mapped = s.heap.mapped().bytes();
  a.sheaves = sheaves_out();
  return a;
}

inline void compare(const Account& before, const Account& after, const char* when) {
  if (after.frames != before.frames) complain("%s: %ld frames are lost", when, static_cast<long>(after.frames - before.frames));
  if (after.mapped != before.mapped)
    complain("%s: %ld mapped bytes are lost", when, static_cast<long>(after.mapped - before.mapped));
  if (after.sheaves != before.sheaves)
    complain("%s: %ld sheaves are lost", when, static_cast<long>(after.sheaves - before.sheaves));
  if (after.objects != before.objects)
    complain("%s: %ld objects are lost", when, static_cast<long>(after.objects - before.objects));
  if (after.caches != before.caches) complain("%s: %u caches, before %u", when, after.caches, before.caches);
  if (const Fault fault = check_system()) complain("%s: %s", when, fault.rule);
  if (const Fault fault = kmem::system().heap.mapped().check()) complain("%s: %s", when, fault.rule);
}

/// A mistake that a test makes on purpose, after the scenario.
inline void (*planted)();

[[noreturn]] inline void live(const FailNth& nth) {
  alarm(kPatience);
  const int quiet = open("/dev/null", O_WRONLY);
  dup2(quiet, 2);
  const Account before = settle_and_count();
  set_fail_nth(nth, nullptr);
  scenario();
  if (planted) planted();
  told->nr_points = fault_record().nr_points.peek();
  told->nr_failed = fault_record().nr_failed.peek();
  told->first_point = fault_record().point;
  reset_faults();
  compare(before, settle_and_count(), "after the failure");
  must_succeed = true;
  if (nth.n) scenario();
  compare(before, settle_and_count(), "after a clean run");
  _exit(0);
}

// The sweep ----------------------------------------------------------------------------------------------------------

inline Told run_child(const FailNth& nth) {
  *told = {};
  const pid_t child = fork();
  if (!child) live(nth);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) complain(WTERMSIG(status) == SIGALRM ? "it hangs" : "it dies of signal %d", WTERMSIG(status));
  return *told;
}

/// From KMEM_FAIL_NTH: "12" or "12-40".
inline void range_of_n(uint64_t& from, uint64_t& to) {
  from = 1;
  to = ~uint64_t{0};
  const char* asked = getenv("KMEM_FAIL_NTH");
  if (!asked) return;
  char* end;
  to = from = strtoull(asked, &end, 10);
  if (*end == '-') to = strtoull(end + 1, nullptr, 10);
}

/// Points that the scenario passes where nothing fails.
inline uint64_t count_points() {
  must_succeed = true;
  const Told child = run_child({.on = true, .n = 0, .verbose = 0});
  must_succeed = false;
  EXPECT_STREQ(child.what, "");
  return child.nr_points;
}

/// Every `stride`-th n.
inline void sweep(bool forever, uint64_t stride) {
  const char* mode = forever ? "forever" : "once";
  if (const char* only = getenv("KMEM_FAIL_NTH_MODE"); only && strcmp(only, mode) != 0) GTEST_SKIP() << "not asked for";
  uint64_t from, to, n, children = 0, by_point[kNrFaultPoints] = {};
  range_of_n(from, to);
  for (n = from; n <= to; n += stride) {
    const Told child = run_child({.on = true, .n = n, .forever = forever, .verbose = 0});
    EXPECT_STREQ(child.what, "") << "n = " << n << ", " << mode << ", "
                                 << fault_point_name(static_cast<FaultPoint>(child.first_point));
    if (child.what[0] == 0 && child.nr_failed == 0) break;
    ++by_point[child.first_point], ++children;
  }
  std::string kinds;
  for (unsigned i = 0; i < kNrFaultPoints; ++i)
    if (by_point[i])
      kinds += std::string(" ") + fault_point_name(static_cast<FaultPoint>(i)) + ":" + std::to_string(by_point[i]);
  printf("%s: n from %llu to below %llu, %llu of them tried:%s\n", mode, static_cast<unsigned long long>(from),
         static_cast<unsigned long long>(n), static_cast<unsigned long long>(children), kinds.c_str());
}

/// Forked children begin as the parent stands: on one CPU, so that all of them pass the same points.
class FailNthSweep : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    void* shared = mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    told = static_cast<Told*>(shared);
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &here);
    sched_setaffinity(0, sizeof here, &here);
  }
};

/// A small machine, so that walking all its frames takes no time, and nothing that depends on the clock; its words are
/// read before main().
inline int sweep_main(int argc, char** argv) {
  const char* words = getenv("KMEM");
  if (!words || !strstr(words, "mem=")) {
    setenv("KMEM", (std::string(words ? words : "") + " mem=64M kfence.sample_interval=0").c_str(), 1);
    execv("/proc/self/exe", argv);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace kmem::fail_nth
