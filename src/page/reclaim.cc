#include "page/reclaim.h"

#include "page/page_allocator.h"
#include "port/port.h"
#include "port/task.h"

namespace kmem {
namespace {

constexpr uint64_t kMs = 1'000'000;
/// Between two rounds at the low mark by callers.
constexpr uint64_t kBalanceEveryNs = 100 * kMs;
/// How hard such a round, and one that the host asked for, looks: shrinkers with 16 objects already give some.
constexpr int kGentle = 4;
/// A reclaim thread that could free nothing rests so long.
constexpr uint64_t kRestNs = 100 * kMs;
constexpr uint64_t kOomWaitNs = 10 * kMs;

/// Marks the task for as long as it lives; scopes nest.
class TaskMark {
 public:
  explicit TaskMark(uint32_t bits) : flags_(kmem_port_task()->flags), before_(flags_.peek()) { flags_.poke(before_ | bits); }
  ~TaskMark() { flags_.poke(before_); }
  TaskMark(const TaskMark&) = delete;

 private:
  Atomic<uint32_t>& flags_;
  uint32_t before_;
};

}  // namespace

void Reclaim::init(PageAllocator& pages, unsigned nr_nodes) {
  pages_ = &pages;
  nr_nodes_ = nr_nodes;
  for (unsigned node = 0; node < kMaxNodes; ++node) {
    threads_[node].reclaim = this;
    threads_[node].node = node;
  }
}

// Rounds ---------------------------------------------------------------------------------------------------------------

uint64_t Reclaim::shrink_caches(bool everywhere) {
  const uint64_t pages = caches_.shrink ? caches_.shrink(caches_.arg, everywhere) : 0;
  everywhere ? pages_->drain_all() : pages_->drain_local();
  counts_.cache_pages.add(pages);
  return pages;
}

// What caches hold back costs nobody anything, so it goes first.  What shrinkers free goes into sheaves, and from there.
Reclaim::Progress Reclaim::run(Gfp gfp, unsigned node, int lowest, const Goal& goal) {
  const TaskMark mark(task_flag::kMemAlloc);
  const uint64_t before = pages_->nr_available();
  Progress progress;
  shrink_caches(true);
  for (int priority = kDefPriority; !goal.is_reached() && priority >= lowest; --priority) {
    uint64_t freed = shrinkers_.shrink(gfp, node, priority, true);
    for (unsigned other = 0; other < nr_nodes_ && !(gfp & gfp::kThisNode); ++other)
      if (other != node) freed += shrinkers_.shrink(gfp, other, priority, false);
    progress.objects += freed;
    if (freed) shrink_caches(priority == lowest);
  }
  counts_.shrinker_objects.add(progress.objects);
  const uint64_t after = pages_->nr_available();
  progress.pages = after > before ? after - before : 0;
  return progress;
}

bool Reclaim::its_turn(Atomic<uint64_t>& at) {
  const uint64_t now = kmem_port_now_ns();
  uint64_t next = at.load();
  return now >= next && at.compare_exchange(next, now + kBalanceEveryNs);
}

void Reclaim::under_pressure(Gfp gfp, unsigned node, bool may_sleep, const Goal& enough) {
  if (KMEM_UNLIKELY(wants_threads_.peek()) && may_sleep && wants_threads_.exchange(0)) start_threads();
  if (has_threads()) {
    if (!(gfp & gfp::kKswapdReclaim)) return;
    Thread& thread = threads_[node];
    counts_.thread_wakes.add();
    thread.zone_flags.store(gfp & gfp::kZoneMask);
    thread.wakes.fetch_add(1);
    kmem_port_wake(word_of(thread.wakes), 1);
    return;
  }
  if (!may_sleep || (gfp & gfp::kNoRetry) || !its_turn(next_balance_ns_)) return;
  counts_.balances.add();
  run(gfp, node, kGentle, enough);
}

// The pressure of the host ----------------------------------------------------------------------------------------------

bool Reclaim::poll_pressure(Gfp gfp) {
  if (!watches_.peek() || !kmem_port_pressure(0)) return false;
  counts_.pressures.add();
  run(gfp, 0, kGentle, {});
  pages_->trim();
  return true;
}

void Reclaim::look_for_pressure(Gfp gfp) {
  if (!its_turn(next_look_ns_)) return;
  const Asker asker = this_asker(gfp);
  if (asker.may_reclaim(gfp)) poll_pressure(gfp_of(gfp, asker));
}

void Reclaim::watch_body(void* reclaim) {
  auto& self = *static_cast<Reclaim*>(reclaim);
  while (!self.stopping_.load()) {
    if (!kmem_port_pressure(kForever)) break;
    self.counts_.pressures.add();
    self.run(gfp::kKernel, 0, kGentle, {});
    self.pages_->trim();
  }
}

// Out of memory --------------------------------------------------------------------------------------------------------

uint64_t Reclaim::out_of_memory() {
  if (oom_running_.exchange(1)) {
    kmem_port_wait(word_of(oom_running_), 1, kmem_port_now_ns() + kOomWaitNs);
    return 1;  // whoever is at it may have freed something: look again
  }
  const TaskMark mark(task_flag::kOutOfMemory);
  counts_.ooms.add();
  uint64_t freed = 0;
  bool go_on = true;
  // From the highest priority down; among equals in the order of the table.
  for (int64_t below = int64_t{1} << 40, next; go_on; below = next) {
    next = -(int64_t{1} << 40);
    oom_.for_each([&](OomNotifier& n) { return (n.priority < below && n.priority > next ? next = n.priority : next), true; });
    if (next == -(int64_t{1} << 40)) break;
    oom_.for_each([&](OomNotifier& n) { return n.priority != next || (go_on = n.call(n, freed)); });
  }
  oom_running_.store(0);
  kmem_port_wake(word_of(oom_running_), ~uint32_t{0});
  return freed;
}

// Waiting --------------------------------------------------------------------------------------------------------------

bool Reclaim::wait_for_frames(uint64_t ns, const Goal& goal) {
  counts_.waits.add();
  nr_waiters_.fetch_add(1);
  const uint32_t seen = freed_.load();
  const bool reached = goal.is_reached();
  if (!reached) kmem_port_wait(word_of(freed_), seen, kmem_port_now_ns() + ns);
  const bool freed = freed_.load() != seen;
  nr_waiters_.fetch_sub(1);
  return reached || freed;
}

void Reclaim::wake_waiters() {
  futile_.store(0);
  if (!nr_waiters_.load()) return;
  freed_.fetch_add(1);
  kmem_port_wake(word_of(freed_), ~uint32_t{0});
}

// Threads --------------------------------------------------------------------------------------------------------------

void Reclaim::start_threads() {
  stopping_.store(0);
  bool all = true;
  for (unsigned node = 0; node < nr_nodes_; ++node) all = kmem_port_spawn(thread_body, &threads_[node]) && all;
  has_threads_.store(all);
  // With a thread that listens, callers need not ask.
  if (all && watches_.peek() && kmem_port_spawn(watch_body, this)) watches_.store(0), thread_watches_.store(1);
}

void Reclaim::stop_threads() {
  stopping_.store(1);
  for (unsigned node = 0; node < nr_nodes_; ++node) {
    threads_[node].wakes.fetch_add(1);
    kmem_port_wake(word_of(threads_[node].wakes), 1);
  }
  has_threads_.store(0);
}

void Reclaim::thread_body(void* thread) {
  Thread& self = *static_cast<Thread*>(thread);
  self.reclaim->work(self);
}

// A node is balanced when one of the zones that are asked for is above its high mark.
bool Reclaim::balanced(unsigned node, Gfp zone_flags) const {
  const ZoneKind highest = PageAllocator::highest_zone(zone_flags);
  for (unsigned i = 0; i < pages_->nr_zones(); ++i) {
    const Zone& zone = pages_->zone(i);
    if (zone.node().value != node || zone.kind() > highest) continue;
    if (zone.nr_available() >= zone.watermark_high + zone.lowmem_reserve[static_cast<unsigned>(highest)]) return true;
  }
  return false;
}

void Reclaim::work(Thread& thread) {
  const Goal goal{[](void* arg) {
                    const auto& me = *static_cast<Thread*>(arg);
                    return me.reclaim->balanced(me.node, me.zone_flags.load());
                  },
                  &thread};
  for (uint32_t seen = 0; !stopping_.load();) {
    kmem_port_wait(word_of(thread.wakes), seen, kForever);
    seen = thread.wakes.load();
    if (stopping_.load() || goal.is_reached()) continue;
    counts_.thread_rounds.add();
    // One that frees nothing would only run again and again.
    if (!run(gfp::kKernel | gfp::kThisNode, thread.node, 1, goal).any())
      kmem_port_wait(word_of(stopping_), 0, kmem_port_now_ns() + kRestNs);
  }
}

void Reclaim::after_fork() {
  if (has_threads()) wants_threads_.store(1);
  if (thread_watches_.exchange(0)) watches_.store(1);
  nr_waiters_.store(0);
  oom_running_.store(0);
  has_threads_.store(0);
  shrinkers_.after_fork();
  oom_.after_fork();
}

}  // namespace kmem
