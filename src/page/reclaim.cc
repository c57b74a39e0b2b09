#include "page/reclaim.h"

#include "page/page_allocator.h"
#include "page/task_mark.h"

namespace kmem {
namespace {

/// Least time between two rounds of callers at the low mark, and between two queries of the host.
constexpr uint64_t kBetweenRoundsNs = 100'000'000;
/// The lowest priority of such a round, and of one because of the host's pressure: shrinkers with 16 objects already free some.
constexpr int kGentle = 4;

}  // namespace

void Reclaim::init(PageAllocator& pages, unsigned nr_nodes) {
  pages_ = &pages;
  nr_nodes_ = nr_nodes;
  threads_.init(*this, nr_nodes);
}

// Rounds ---------------------------------------------------------------------------------------------------------------

uint64_t Reclaim::shrink_caches(OtherCpus others) {
  const uint64_t pages = caches_.shrink ? caches_.shrink(caches_.arg, others) : 0;
  pages_->drain(others);
  counts_.cache_pages.add(pages);
  return pages;
}

// Cached free objects cost the program nothing, so they go first. Objects that shrinkers free go into sheaves, which are
// drained afterwards.
Reclaim::Progress Reclaim::run(Gfp gfp, unsigned node, int lowest, const Goal& goal) {
  const TaskMark mark(task_flag::kMemAlloc);
  const uint64_t before = pages_->nr_available();
  Progress progress;
  shrink_caches(OtherCpus::Ask);
  for (int priority = kDefPriority; !goal.is_reached() && priority >= lowest; --priority) {
    uint64_t freed = shrinkers_.shrink(gfp, node, priority, NodelessShrinkers::Ask);
    for (unsigned other = 0; other < nr_nodes_ && !(gfp & gfp::kThisNode); ++other)
      if (other != node) freed += shrinkers_.shrink(gfp, other, priority, NodelessShrinkers::Skip);
    progress.objects += freed;
    if (freed) shrink_caches(priority == lowest ? OtherCpus::Ask : OtherCpus::Leave);
  }
  counts_.shrinker_objects.add(progress.objects);
  const uint64_t after = pages_->nr_available();
  progress.pages = after > before ? after - before : 0;
  return progress;
}

bool Reclaim::its_turn(Atomic<uint64_t>& at) {
  const uint64_t now = kmem_port_now_ns();
  uint64_t next = at.load();
  return now >= next && at.compare_exchange(next, now + kBetweenRoundsNs);
}

void Reclaim::under_pressure(Gfp gfp, unsigned node, bool may_sleep, const Goal& enough) {
  if (may_sleep && threads_.must_restart()) threads_.start();
  if (threads_.exist()) {
    if (!(gfp & gfp::kKswapdReclaim)) return;
    counts_.thread_wakes.add();
    return threads_.wake(node, gfp);
  }
  if (!may_sleep || (gfp & gfp::kNoRetry) || !its_turn(next_balance_ns_)) return;
  counts_.balances.add();
  run(gfp, node, kGentle, enough);
}

bool Reclaim::is_balanced(unsigned node, Gfp zone_flags) const {
  return pages_->is_above_high({.gfp = zone_flags | gfp::kThisNode, .order = {}}, node);
}

// The pressure of the host ----------------------------------------------------------------------------------------------

bool Reclaim::poll_pressure(Gfp gfp) {
  if (!watches_host() || threads_.listen() || !kmem_port_pressure(0)) return false;
  relieve_host(gfp);
  return true;
}

void Reclaim::relieve_host(Gfp gfp) {
  counts_.pressures.add();
  run(gfp, 0, kGentle, {});
  pages_->trim(0, OtherCpus::Ask);
}

void Reclaim::look_for_pressure(Gfp gfp) {
  if (threads_.listen() || !its_turn(next_look_ns_)) return;
  const Asker asker = this_asker(gfp);
  if (asker.may_reclaim(gfp)) poll_pressure(gfp_of(gfp, asker));
}

void Reclaim::after_fork() {
  threads_.after_fork();
  waiters_.after_fork();
  shrinkers_.after_fork();
  oom_.after_fork();
}

}  // namespace kmem
