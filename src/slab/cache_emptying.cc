// What a cache does when memory is wanted elsewhere: objects go home from CPUs and barns, slabs that are all free go back.

#include "slab/cache.h"
#include "slab/slab_links.h"
#include "sync/cpu_words.h"
#include "watch/context.h"

namespace kmem {

void Cache::flush_cpus() {
  if (const Sheaf sheaf = take_local(*world_->sheaves, slot_)) put_back(sheaf);
  take_everywhere(*world_->sheaves, slot_, world_->pages->nr_cpus(), [this](Sheaf sheaf) { put_back(sheaf); });
}

// Takes the whole lists, keeps what is in use, and gives the frames of slabs that are all free back.
uint64_t Cache::trim(CacheNode& node, uint64_t keep, bool for_good) {
  if (keeps_slabs_ && !for_good) return 0;
  SlabLinks links{world_->pages};
  uint64_t released = 0, kept = 0;
  for (unsigned b = CacheNode::kFullness; b-- > 0;) {
    for (uint32_t index = node.partial[b].take_all(); index;) {
      Slab* slab = links.slab(index);
      index = slab->link().load();
      const bool empty = slab->all_free();
      if (!empty || kept < keep) {
        kept += empty;
        push_partial(node, slab);
        continue;
      }
      release(node, slab);
      ++released;
    }
  }
  // A slab whose last object came while another CPU had it in hand was counted and is not empty: begin anew.
  node.nr_empty.store(static_cast<int32_t>(kept));
  return released;
}

// Slabs that are all free, linked, in front of `chain`; nobody else finds them any more.
uint32_t Cache::take_empty(CacheNode& node, uint32_t chain) {
  SlabLinks links{world_->pages};
  for (IndexStack& bucket : node.partial) {
    for (uint32_t index = bucket.take_all(), next; index; index = next) {
      Slab* slab = links.slab(index);
      next = slab->link().load();
      if (!slab->all_free()) {
        push_partial(node, slab);
        continue;
      }
      slab->link().store(chain);
      chain = index;
    }
  }
  node.nr_empty.store(0);
  return chain;
}

uint32_t Cache::take_all_empty() {
  uint32_t chain = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) chain = take_empty(nodes_[n], chain);
  return chain;
}

uint64_t Cache::release_chain(uint32_t chain) {
  SlabLinks links{world_->pages};
  uint64_t released = 0;
  for (; chain; ++released) {
    Slab* slab = links.slab(chain);
    chain = slab->link().load();
    release(node_of(slab), slab);
  }
  return released;
}

uint64_t Cache::shrink_behind_readers(void (*wait_for_readers)()) {
  shrink(true);
  const uint32_t chain = take_all_empty();
  if (chain || leaving_.state.peek() == Leaving::Waiting) wait_for_readers();
  return release_chain(chain);
}

// One lot at a time: what becomes empty meanwhile goes with the next.
void Cache::leave_behind_readers() {
  uint32_t idle = Leaving::Idle;
  if (!leaving_.state.compare_exchange(idle, Leaving::Waiting)) return;
  leaving_.cache = this;
  leaving_.chain = take_all_empty();
  if (!leaving_.chain) return leaving_.state.store(Leaving::Idle);
  world_->rcu->call(&leaving_.head, [](RcuHead* head) {
    auto* leaving = reinterpret_cast<Leaving*>(head);
    leaving->cache->release_chain(leaving->chain);
    leaving->state.store(Leaving::Idle);
  });
}

// Where nobody reads, the grace period is over at once.  A reader would wait for itself, and who may not sleep may hold
// what other callbacks ask for.
uint64_t Cache::reap(bool everywhere) {
  if (!keeps_slabs_) return shrink(everywhere);
  shrink(everywhere);
  if (!world_->rcu) return 0;
  const int64_t before = nr_slabs();
  leave_behind_readers();
  if (!Rcu::is_reader() && may_sleep()) world_->rcu->poll();
  const int64_t after = nr_slabs();
  return after < before ? static_cast<uint64_t>(before - after) : 0;
}

bool Cache::stop_leaving() {
  uint32_t state = Leaving::Idle;
  return leaving_.state.compare_exchange(state, Leaving::Stopped) || state == Leaving::Stopped;
}

uint64_t Cache::shrink(bool everywhere, bool for_good) {
  uint64_t released = 0;
  if (everywhere) flush_cpus();
  else if (const Sheaf sheaf = take_local(*world_->sheaves, slot_)) put_back(sheaf);
  if (held_.peek()) release_held();
  // First all barns: each may hold objects of any node's slabs.
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) empty_barn(nodes_[n]);
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) released += trim(nodes_[n], 0, for_good);
  return released;
}

void Cache::come_home() {
  flush_cpus();
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) empty_barn(nodes_[n]);
}

void Cache::ebb() {
  if (!nr_slabs()) return;
  idle_.poke(1);
  reap(true);
}

}  // namespace kmem
