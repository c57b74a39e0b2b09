#include "page/reclaim_threads.h"

#include "page/reclaim.h"
#include "port/port.h"

namespace kmem {
namespace {

/// A thread that could free nothing sleeps this long.
constexpr uint64_t kRestNs = 100'000'000;
/// The lowest priority at which shrinkers are called.
constexpr int kLowestPriority = 1;

}  // namespace

void ReclaimThreads::init(Reclaim& reclaim, unsigned nr_nodes) {
  reclaim_ = &reclaim;
  nr_nodes_ = nr_nodes;
  for (unsigned node = 0; node < kMaxNodes; ++node) {
    threads_[node].all = this;
    threads_[node].node = node;
  }
}

void ReclaimThreads::start() {
  const auto work_body = [](void* arg) {
    Thread& self = *static_cast<Thread*>(arg);
    self.all->work(self);
  };
  const auto listen_body = [](void* arg) { static_cast<ReclaimThreads*>(arg)->listen_to_host(); };
  bool all = true;
  for (unsigned node = 0; node < nr_nodes_; ++node) all = kmem_port_spawn(work_body, &threads_[node]) && all;
  exist_.store(all);
  // With a thread that listens, callers need not ask.
  if (all && reclaim_->watches_host() && !listen() && kmem_port_spawn(listen_body, this)) listen_.store(1);
}

void ReclaimThreads::stop() {
  stops_.fetch_add(1);
  for (unsigned node = 0; node < nr_nodes_; ++node) {
    threads_[node].wakes.fetch_add(1);
    threads_[node].wakes.wake_one();
  }
  exist_.store(0);
}

void ReclaimThreads::wake(unsigned node, Gfp gfp) {
  Thread& thread = threads_[node];
  thread.zone_flags.store(gfp & gfp::kZoneMask);
  thread.wakes.fetch_add(1);
  thread.wakes.wake_one();
}

void ReclaimThreads::work(Thread& thread) {
  const Goal goal{[](void* arg) {
                    const auto& me = *static_cast<Thread*>(arg);
                    return me.all->reclaim_->is_balanced(me.node, me.zone_flags.load());
                  },
                  &thread};
  const uint32_t stops = stops_.load();
  for (uint32_t seen = 0; stops_.load() == stops;) {
    thread.wakes.wait(seen);
    seen = thread.wakes.load();
    if (stops_.load() != stops || goal.is_reached()) continue;
    reclaim_->counts().thread_rounds.add();
    // After a round that freed nothing another one at once would not help either.
    if (!reclaim_->run(gfp::kKernel | gfp::kThisNode, thread.node, kLowestPriority, goal).any())
      stops_.wait_for(stops, kRestNs);
  }
}

void ReclaimThreads::listen_to_host() {
  const uint32_t stops = stops_.load();
  while (stops_.load() == stops && kmem_port_pressure(kForever)) reclaim_->relieve_host(gfp::kKernel);
}

void ReclaimThreads::after_fork() {
  if (exist()) wanted_.store(1);
  exist_.store(0);
  listen_.store(0);
}

}  // namespace kmem
