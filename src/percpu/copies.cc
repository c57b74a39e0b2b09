#include "percpu/copies.h"

#include "base/sanitizer.h"
#include "port/port.h"

namespace {
/// Two zeros in front: see port/cpu_local.h.
uint64_t distances[kmem::kMaxCpus + 2];
}  // namespace

extern "C" const uint64_t* const kmem_percpu_distances = distances + 2;
extern "C" KMEM_HIDDEN const uint64_t* const kmem_percpu_own_distances;
const uint64_t* const kmem_percpu_own_distances = distances + 2;

namespace kmem {
namespace {

// A task's fields (port/task.h), each a copy's number + 1, or 0. copy_held: the copy that it owns; with kOneStep only for a
// single step, so that the end of a section in an interrupt on top does not release it. copy_intent: the substitute that it is
// about to claim or to release; if the task is its owner, an interrupt on top treats it as held. copy_last: the substitute that
// it owned last.
constexpr uint16_t kOneStep = 1 << 15;
static_assert(kMaxCopies < kOneStep);
constexpr uint16_t named(uint32_t copy) { return static_cast<uint16_t>(copy + 1); }
constexpr uint32_t copy_of(uint16_t name) { return (name & ~uint32_t{kOneStep}) - 1; }

/// A waiting task retries after this time, even without a wake-up.
constexpr uint64_t kLookAgainNs = 1000000;

uint64_t name_of(const TaskState& task) { return reinterpret_cast<uintptr_t>(&task); }
uint64_t& distance(uint32_t cpu) { return distances[cpu + 2]; }

/// A hash of the task below nr, to spread tasks over copies.
uint32_t spread(const TaskState& task, uint32_t nr) {
  const auto hash = static_cast<uint32_t>((name_of(task) >> 6) * 0x9e3779b97f4a7c15u >> 32);
  return static_cast<uint32_t>(uint64_t{hash} * nr >> 32);
}

/// Orders this task's writes for interrupts on top of it; a compiler barrier only.
void order_for_interrupts() {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  KMEM_STEP();
}

uint32_t nr_stand_ins(uint32_t nr_cpus) {
  constexpr uint32_t kFewest = 4;
  return nr_cpus < kFewest ? kFewest : nr_cpus;
}

template <typename T>
uint64_t step_as(char* copy, const CpuAccess& a) {
  T* at = reinterpret_cast<T*>(copy);
  const T value = static_cast<T>(a.value);
  switch (a.op) {
    case CpuOp::Read: return __atomic_load_n(at, __ATOMIC_RELAXED);
    case CpuOp::Write: return __atomic_store_n(at, value, __ATOMIC_RELAXED), 0;
    case CpuOp::Add: return __atomic_fetch_add(at, value, __ATOMIC_RELAXED);
    case CpuOp::And: return __atomic_fetch_and(at, value, __ATOMIC_RELAXED);
    case CpuOp::Or: return __atomic_fetch_or(at, value, __ATOMIC_RELAXED);
    case CpuOp::Xchg: return __atomic_exchange_n(at, value, __ATOMIC_RELAXED);
    case CpuOp::AddReturn: return __atomic_add_fetch(at, value, __ATOMIC_RELAXED);
    case CpuOp::Cmpxchg: break;
  }
  T found = static_cast<T>(a.expected);
  __atomic_compare_exchange_n(at, &found, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return found;
}

}  // namespace

uint64_t step_alone(char* copy, const CpuAccess& access) {
  KMEM_STEP();
  switch (access.size) {
    case 1: return step_as<uint8_t>(copy, access);
    case 2: return step_as<uint16_t>(copy, access);
    case 4: return step_as<uint32_t>(copy, access);
    default: return step_as<uint64_t>(copy, access);
  }
}

void Copies::init(uint32_t nr_cpus, bool sequences) {
  const uint32_t nr_before = nr_cpus_ > nr_cpus ? nr_cpus_ : nr_cpus;
  nr_cpus_ = nr_cpus;
  nr_copies_ = nr_cpus + nr_stand_ins(nr_cpus);
  sequences_ = sequences;
  for (uint32_t copy = 0; copy < nr_copies_; ++copy) {
    owner_[copy].poke(0);
    used_[copy].poke(false);
  }
  for (uint32_t cpu = 0; cpu < nr_before; ++cpu) distance(cpu) = sequences && cpu < nr_cpus ? percpu_distance(cpu) : 0;
  if (!sequences) CpuLocal::use_none();
}

// Claims -----------------------------------------------------------------------------------------------------------

bool Copies::held_by(const TaskState& task, uint32_t& copy) const {
  if (const uint16_t held = task.copy_held.peek()) return copy = copy_of(held), true;
  const uint16_t intent = task.copy_intent.peek();
  if (!intent || owner_[copy_of(intent)].peek() != name_of(task)) return false;
  return copy = copy_of(intent), true;
}

bool Copies::held(uint32_t& copy) const { return held_by(*kmem_port_task(), copy); }

bool Copies::try_claim(TaskState& task, uint32_t copy) {
  if (owner_[copy].peek()) return false;
  task.copy_intent.poke(named(copy));
  order_for_interrupts();
  uint64_t nobody = 0;
  return owner_[copy].compare_exchange(nobody, name_of(task));
}

void Copies::mark_used(uint32_t copy) {
  used_[copy].store(true);
  new_.store(true);
}

/// Claims any substitute, trying first the one that the task owned last, whose cache lines may still be local.
Copies::Claim Copies::claim(TaskState& task) {
  const uint32_t first = nr_cpus_, nr = nr_copies_ - first;
  const uint16_t intent = task.copy_intent.peek(), last = task.copy_last.peek();
  uint32_t start = last ? copy_of(last) - first : spread(task, nr);
  for (;;) {
    const uint32_t seen = given_.load();
    for (uint32_t i = 0; i < nr; ++i) {
      const uint32_t copy = first + (start + i) % nr;
      if (!try_claim(task, copy)) continue;
      task.copy_last.poke(named(copy));
      if (!used_[copy].peek()) mark_used(copy);
      return {copy, intent};
    }
    task.copy_intent.poke(intent);
    waiters_.fetch_add(1);
    given_.wait_for(seen, kLookAgainNs);
    waiters_.fetch_sub(1);
  }
}

/// In the reverse order: an interrupt on top sees the copy as held until it may get another owner.
void Copies::release(TaskState& task, uint32_t copy) {
  const uint16_t intent = task.copy_intent.peek();
  task.copy_intent.poke(named(copy));
  order_for_interrupts();
  task.copy_held.poke(0);
  order_for_interrupts();
  owner_[copy].store(0);
  order_for_interrupts();
  task.copy_intent.poke(intent);
  if (waiters_.load() == 0) return;
  given_.fetch_add(1);
  given_.wake_one();
}

/// Only the copy's holder replaces the 0, so a store is enough.
void Copies::attach(uint32_t cpu) {
  KMEM_GIVES(&owner_[cpu]);
  KMEM_STEP();
  __atomic_store_n(&distance(cpu), percpu_distance(cpu), __ATOMIC_RELEASE);
}

// Steps and sections -----------------------------------------------------------------------------------------------

/// Records the claimed copy as held. False if an interrupt on top has taken a copy for the same section meanwhile, which is
/// used instead.
bool Copies::settle(TaskState& task, const Claim& mine, uint16_t name) {
  uint16_t none = 0;
  const bool settled = task.copy_held.compare_exchange(none, name);
  if (!settled) owner_[mine.copy].store(0);
  order_for_interrupts();
  task.copy_intent.poke(mine.intent);
  return settled;
}

uint64_t Copies::step(const CpuAccess& access) {
  TaskState& task = *kmem_port_task();
  uint32_t copy;
  if (held_by(task, copy)) return step_alone(access.variable + percpu_distance(copy), access);
  // Without sequences no section takes a CPU's copy, and atomic instructions on it do not conflict.
  if (!sequences_) return step_alone(access.variable + percpu_distance(spread(task, nr_cpus_)), access);
  uint64_t old = 0;
  if (CpuLocal::join() && CpuLocal::try_op(access, old)) return old;
  const Claim mine = claim(task);
  if (!settle(task, mine, named(mine.copy) | kOneStep)) return step(access);
  old = step_alone(access.variable + percpu_distance(mine.copy), access);
  release(task, mine.copy);
  return old;
}

bool Copies::take_here(TaskState& task) {
  uint32_t cpu;
  if (!CpuLocal::try_take(cpu)) return false;
  KMEM_TAKES(&owner_[cpu]);
  uint16_t none = 0;
  if (!task.copy_held.compare_exchange(none, named(cpu))) attach(cpu);
  return true;
}

uint32_t Copies::take() {
  TaskState& task = *kmem_port_task();
  uint32_t copy;
  if (held_by(task, copy)) return copy;
  if (!take_here(task)) {
    const Claim mine = claim(task);
    settle(task, mine, named(mine.copy));
  }
  order_for_interrupts();
  CpuLocal::leave();
  return copy_of(task.copy_held.peek());
}

void Copies::give() {
  TaskState& task = *kmem_port_task();
  const uint16_t held = task.copy_held.peek();
  if (!held || (held & kOneStep)) return;
  const uint32_t copy = copy_of(held);
  if (is_stand_in(copy)) {
    release(task, copy);
  } else {
    task.copy_held.poke(0);
    order_for_interrupts();
    attach(copy);
  }
  CpuLocal::join();
}

void Copies::after_fork() {
  uint32_t mine = nr_copies_;
  held_by(*kmem_port_task(), mine);
  waiters_.poke(0);
  for (uint32_t copy = 0; copy < nr_copies_; ++copy) {
    if (copy == mine) continue;
    owner_[copy].poke(0);
    if (!is_stand_in(copy)) attach(copy);
  }
}

Fault Copies::check() const {
  for (uint32_t cpu = 0; cpu < nr_cpus_; ++cpu) {
    const uint64_t want = sequences_ ? percpu_distance(cpu) : 0;
    if (distance(cpu) != want) return {"D1 a CPU's distance is its own, or 0 without sequences", cpu, want, distance(cpu)};
  }
  for (uint32_t copy = 0; copy < nr_copies_; ++copy)
    if (owner_[copy].peek()) return {"D2 no copy has an owner", copy, 0, owner_[copy].peek()};
  return {};
}

}  // namespace kmem
