#include "pool/mempool.h"

#include "base/memory.h"
#include "page/gfp_context.h"
#include "pool/poison.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
namespace {

/// The flags of a pool's first try: it has a reserve of its own, so it leaves the system's to others (as in the kernel).
constexpr Gfp kModest = gfp::kNoMemAlloc | gfp::kNoRetry | gfp::kNoWarn;
constexpr Gfp kPatient = gfp::kDirectReclaim | gfp::kIo;
/// So many places are searched for an element that is freed a second time.
constexpr uint32_t kLookBack = 512;

}  // namespace

// All pools ------------------------------------------------------------------------------------------------------------

bool PoolList::add(Mempool* pool) {
  for (uint32_t i = 0; i < kMost; ++i) {
    Mempool* none = nullptr;
    if (pools_[i].peek() || !pools_[i].compare_exchange(none, pool)) continue;
    for (uint32_t end = end_.load(); end <= i && !end_.compare_exchange(end, i + 1);) {
    }
    return true;
  }
  return false;
}

void PoolList::remove(Mempool* pool) {
  for (uint32_t i = 0; i < end_.load(); ++i) {
    Mempool* mine = pool;
    if (pools_[i].peek() == pool) pools_[i].compare_exchange(mine, nullptr);
  }
}

void PoolList::after_fork() {
  for (uint32_t i = 0; i < end_.load(); ++i)
    if (Mempool* pool = pools_[i].load()) pool->after_fork();
}

Fault PoolList::check() const {
  for (uint32_t i = 0; i < end_.load(); ++i)
    if (const Mempool* pool = pools_[i].load())
      if (const Fault fault = pool->check()) return fault;
  return {};
}

// Beginning and end ----------------------------------------------------------------------------------------------------

bool Mempool::init(const PoolWorld& world, PoolList& list, const Setup& setup) {
  world_ = &world;
  list_ = &list;
  data_ = setup.data;
  alloc_ = setup.alloc_function;
  free_ = setup.free_function;
  nid_ = setup.nid;
  out_.init(nullptr, 0);
  cache_ = setup.cache;
  poisons_ = world.poison || (world.poisonable && is_hardened(*this));
  const uint32_t nr = setup.min_nr ? setup.min_nr : 1;
  auto* places = static_cast<Reserve::Place*>(world.alloc_places(nr * sizeof(Reserve::Place), setup.gfp, nid_));
  if (!places) return false;
  reserve_.init(places, nr);
  state_ = cache_ ? State::Served : State::Live;
  if (share_count(setup.gfp)) fill(setup.gfp, nr);
  if (reserve_.full() && list.add(this)) return true;
  exit();
  return false;
}

int64_t Mempool::exit() {
  if (!initialized()) return 0;
  list_->remove(this);
  state_ = State::Ended;
  reserve_.want(0);
  while (void* element = take()) free_(element, data_);
  for (unsigned i = reserve_.nr_chunks(); i-- > 0;) world_->free_places(reserve_.chunk(i));
  reserve_.init(nullptr, 0);
  if (OutCount::Share* shares = out_.fold()) world_->free_places(shares);
  return nr_out();
}

// A share for each CPU, up to 64: more CPUs share.
bool Mempool::share_count(Gfp gfp) {
  if (world_->nr_cpus == 1) return true;
  constexpr uint32_t kMost = 64;
  const uint32_t wanted = 1u << log2_ceil(world_->nr_cpus), nr = wanted < kMost ? wanted : kMost;
  auto* shares = static_cast<OutCount::Share*>(world_->alloc_places(nr * sizeof(OutCount::Share), gfp, nid_));
  if (shares) out_.init(shares, nr);
  return shares;
}

// At boot and in resize(): later frees supply the elements that cannot be allocated now.
void Mempool::fill(Gfp gfp, uint32_t nr) {
  for (uint32_t i = 0; i < nr && !reserve_.full(); ++i) {
    void* element = alloc_(gfp, data_);
    if (!element) return;
    if (KMEM_UNLIKELY(poisons_)) poison(*world_, *this, element);
    if (!reserve_.put(element)) return free_(element, data_);
  }
}

bool Mempool::add_places() {
  const uint32_t nr = reserve_.places_in_next_chunk();
  auto* places =
      nr ? static_cast<Reserve::Place*>(world_->alloc_places(nr * sizeof(Reserve::Place), gfp::kKernel, nid_)) : nullptr;
  if (places) reserve_.add_chunk(places);
  return places;
}

Mempool::Resized Mempool::resize(uint32_t min_nr, Gfp gfp) {
  uint32_t idle = 0;
  if (!resizing_.compare_exchange(idle, 1)) return Resized::Busy;
  bool room = true;
  while (room && reserve_.room() < min_nr) room = add_places();
  if (room) {
    reserve_.want(min_nr);
    while (void* element = reserve_.take_surplus())
      if (!reserve_.put(element)) free_(element, data_);
    fill(gfp, min_nr);
    line_.wake_first();
  }
  resizing_.store(0);
  return room ? Resized::Done : Resized::NoMemory;
}

// Taking ---------------------------------------------------------------------------------------------------------------

void* Mempool::take() {
  void* element = reserve_.take();
  if (element && KMEM_UNLIKELY(poisons_)) check_poison(*world_, *this, element);
  return element;
}

void* Mempool::alloc_reserved() { return out(line_.any() ? nullptr : take()); }

void* Mempool::alloc(Gfp gfp, uint64_t deadline_ns, const void* site) {
  gfp = effective_gfp(gfp, site, "mempool_alloc") | kModest;
  if (!should_fail(FaultPoint::Pool, gfp, 0))
    if (void* element = alloc_(gfp & ~kPatient, data_)) return out(element);
  if (void* element = alloc_reserved()) return element;
  if (!(gfp & gfp::kDirectReclaim) || !may_block(gfp)) return nullptr;
  return out(wait_in_line(gfp, deadline_ns));
}

void* Mempool::wait_in_line(Gfp gfp, uint64_t deadline_ns) {
  WaitLine::Ticket ticket;
  for (bool in_line = false;;) {
    // If the line was full, or a fork has emptied it, enters it in the next round.
    in_line = in_line && line_.knows(ticket);
    in_line = in_line || line_.enter(ticket);
    const uint32_t seen = in_line ? line_.seen(ticket) : 0;
    void* element = in_line && line_.is_first(ticket) ? take() : nullptr;
    if (!element) element = alloc_(gfp, data_);
    if (element || kmem_port_now_ns() >= deadline_ns) {
      if (in_line) line_.leave(ticket);
      return element;
    }
    if (in_line) {
      const uint64_t patience = kmem_port_now_ns() + kPatience;
      line_.wait(ticket, seen, patience < deadline_ns ? patience : deadline_ns);
    } else {
      sleep_until(kmem_port_now_ns() + kPatience / 5000);
    }
  }
}

// Giving back ----------------------------------------------------------------------------------------------------------

bool Mempool::put_in_reserve(void* element) {
  if (reserve_.full()) return false;
  if (KMEM_UNLIKELY(reserve_.holds(element, kLookBack))) {
    begin_bug_report(Trouble::Bug, "mempool overfilled: element %p of mempool %p was freed twice: it is in the reserve already",
                     element, static_cast<void*>(this));
    end_element_report(*this);
    out_.add();
    return true;
  }
  if (KMEM_UNLIKELY(poisons_)) poison(*world_, *this, element);
  return reserve_.put(element);
}

bool Mempool::free(void* element) {
  if (KMEM_UNLIKELY(!initialized())) {
    free_(element, data_);
    return out_.sub_is_last();
  }
  if (KMEM_UNLIKELY(!out_.sub())) {
    bug_report(Trouble::Bug, "mempool overfilled: element %p was freed into mempool %p (min_nr %u), which has none allocated",
               element, static_cast<void*>(this), min_nr());
    return false;
  }
  if (!put_in_reserve(element)) free_(element, data_);
  line_.wake_first();
  return false;
}

// Others ---------------------------------------------------------------------------------------------------------------

void Mempool::after_fork() {
  line_.after_fork();
  resizing_.poke(0);
}

Fault Mempool::check() const {
  if (const Fault fault = reserve_.check()) return fault;
  if (out_.any_negative())
    return {"M4 no share of nr_out() is negative", reinterpret_cast<uint64_t>(this), 0, static_cast<uint64_t>(nr_out())};
  if (nr_reserved() > 0 && line_.nr_waiting())
    return {"M5 no task waits while an element is in reserve", reinterpret_cast<uint64_t>(this), 0, line_.nr_waiting()};
  return {};
}

}  // namespace kmem
