#include "slab/rcu_slabs.h"

#include "slab/slab_layer.h"
#include "sync/rcu.h"

namespace kmem {

void RcuSlabs::begin(SlabLayer& slabs, Rcu& rcu) {
  uint32_t idle = Idle;
  if (!state_.compare_exchange(idle, Waiting)) return;
  slabs_ = &slabs;
  chain_ = slabs.unlist_empty();
  if (!chain_) return state_.store(Idle);
  rcu.call(&head_, [](RcuHead* head) {
    auto* self = reinterpret_cast<RcuSlabs*>(head);
    self->slabs_->release_chain(self->chain_);
    self->state_.store(Idle);
  });
}

uint64_t RcuSlabs::wait(SlabLayer& slabs, void (*wait_for_readers)()) {
  const uint32_t chain = slabs.unlist_empty();
  if (chain || state_.peek() == Waiting) wait_for_readers();
  return slabs.release_chain(chain);
}

bool RcuSlabs::stop() {
  uint32_t state = Idle;
  return state_.compare_exchange(state, Stopped) || state == Stopped;
}

uint64_t RcuSlabs::nr_waiting() const { return state_.peek() == Waiting ? slabs_->length_of(chain_) : 0; }

}  // namespace kmem
