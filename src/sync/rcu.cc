#include "sync/rcu.h"

#include "sync/wait_word.h"

namespace kmem {
namespace {

constexpr uint64_t kFirstLook = 20'000, kLongestLook = 2'000'000;  // ns between looks at readers that have not ended

/// On the stack of a task that waits.
struct Sleeper {
  RcuHead head;
  WaitWord<uint32_t> over;
};
void wake(RcuHead* head) { reinterpret_cast<Sleeper*>(head)->over.store_and_wake_one(1); }

}  // namespace

// First the readers that left, then those that entered: a reader that enters between the two sums is seen, one that leaves is
// not.
bool Rcu::all_have_left(uint32_t phase) const {
  uint64_t left = 0, entered = 0;
  for (const Stripe& stripe : stripes_) left += stripe.left[phase].load();
  for (const Stripe& stripe : stripes_) entered += const_cast<Stripe&>(stripe).entered[phase].fetch_add(0);
  return left == entered;
}

void Rcu::call(RcuHead* head, void (*function)(RcuHead*)) {
  head->function = function;
  nr_waiting_.fetch_add(1);
  RcuHead* first = coming_.load();
  do head->next = first;
  while (!coming_.compare_exchange(first, head));
}

void Rcu::begin() {
  for (RcuHead* head = coming_.exchange(nullptr); head;) {
    RcuHead* const next = head->next;
    head->next = due_;
    due_ = head;
    head = next;
  }
  step_ = due_ ? BeforeTurn : Nothing;
}

void Rcu::call_due() {
  calling_.store(reinterpret_cast<uintptr_t>(kmem_port_task()));
  while (RcuHead* head = due_) {
    due_ = head->next;
    nr_waiting_.fetch_sub(1);
    const auto offset = reinterpret_cast<uintptr_t>(head->function);
    if (offset < kFirstFunction) free_block_(reinterpret_cast<char*>(head) - offset);
    else head->function(head);
  }
  calling_.store(0);
  step_ = Nothing;
}

// Advances the grace period by one step. False: there is no step left, or a reader has not ended.
bool Rcu::advance() {
  const uint32_t phase = phase_.load() & 1;
  if (step_ == Nothing) begin();
  if (step_ == Nothing || !all_have_left(phase ^ 1)) return false;
  if (step_ == BeforeTurn) {
    phase_.fetch_add(1);
    step_ = AfterTurn;
  } else {
    call_due();
  }
  return true;
}

void Rcu::poll() {
  uint32_t idle = 0;
  if (!busy_.compare_exchange(idle, 1)) return;
  while (advance()) {
  }
  busy_.store(0);
}

void Rcu::synchronize() {
  Sleeper sleeper{};
  call(&sleeper.head, wake);
  uint64_t look = kFirstLook;
  for (poll(); !sleeper.over.load(); poll()) {
    sleeper.over.wait_for(0, look);
    if (look < kLongestLook) look *= 2;
  }
}

// The child has one task: read sections of the parent's other tasks will not continue in it.
void Rcu::after_fork() {
  for (Stripe& stripe : stripes_)
    for (unsigned phase = 0; phase < 2; ++phase) stripe.entered[phase].poke(0), stripe.left[phase].poke(0);
  busy_.poke(0);
  if (!is_calling()) calling_.poke(0);
  const uint16_t mine = kmem_port_task()->rcu.peek();
  if (mine & kDepth) stripes_[0].entered[mine >> kPhaseShift].poke(1);
}

}  // namespace kmem
