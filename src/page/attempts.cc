// How hard a request is tried that no zone can serve above its low mark.  docs/reclaim.md tells it in words.

#include "page/page_allocator.h"
#include "port/port.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr uint64_t kMs = 1'000'000;
/// The kernel's MAX_RECLAIM_RETRIES: rounds without progress before it is given up.
constexpr unsigned kMostRetries = 16;
/// A wait for others to free between two rounds.
constexpr uint64_t kShortWaitNs = kMs, kLongWaitNs = 10 * kMs, kNoFailWaitNs = 100 * kMs;
constexpr uint64_t kTellEveryNs = 10'000 * kMs;

}  // namespace

/// One request on its way through rounds of reclaim.
class PageAllocator::Attempt {
 public:
  Attempt(PageAllocator& pages, const Wish& asked, unsigned node)
      : pages_(pages), reclaim_(pages.reclaim_), asker_(this_asker(asked.gfp)), wish_(asked), node_(node) {
    wish_.gfp = gfp_of(asked.gfp, asker_);
    reach_ = reach_of(wish_.gfp, asker_);
  }

  Claimed run();

 private:
  bool has(Gfp bits) const { return wish_.gfp & bits; }
  bool costly() const { return wish_.order.value > kCostlyOrder; }
  bool try_claim() { return (got_ = pages_.claim_from_zones(wish_, node_, reach_)).zone != nullptr; }
  Goal served() {
    return {[](void* self) { return static_cast<Attempt*>(self)->try_claim(); }, this};
  }
  Goal above_high() {
    return {[](void* self) {
              const auto& me = *static_cast<Attempt*>(self);
              return me.pages_.is_above_high(me.wish_, me.node_);
            },
            this};
  }
  void relieve_pressure();
  bool try_without_waiting();
  bool try_with_reclaim();
  bool worth_another_round(const Reclaim::Progress& progress);
  bool others_helped();
  bool wait_for_ever();

  PageAllocator& pages_;
  Reclaim& reclaim_;
  Asker asker_;
  Wish wish_;
  unsigned node_;
  Reach reach_;
  Claimed got_;
  unsigned futile_rounds_ = 0, oom_rounds_ = 0;
  uint64_t began_ns_ = 0, told_ns_ = 0;
};

// The zones are below their low marks: the time to have memory back is now, while there is still some.
void PageAllocator::Attempt::relieve_pressure() {
  reclaim_.under_pressure(wish_.gfp, node_, asker_.may_reclaim(wish_.gfp), above_high());
}

/// Who may not sleep gets what lies ready: in the zones, as deep as it may go, and on this CPU's lists.
bool PageAllocator::Attempt::try_without_waiting() {
  pages_.drain_local();
  return try_claim();
}

// With progress a request is worth as many rounds as it takes, up to the orders that are hard to come by; without, it
// depends on whether others may free something.
bool PageAllocator::Attempt::worth_another_round(const Reclaim::Progress& progress) {
  if (progress.pages && !costly()) {
    futile_rounds_ = 0;
    return true;
  }
  if (++futile_rounds_ > kMostRetries) {
    reclaim_.note_futile();
    return false;
  }
  if (has(gfp::kRetryMayFail)) {
    reclaim_.wait_for_frames(kLongWaitNs, served());
    return true;
  }
  // Nobody has freed anything since somebody waited in vain: so would we.
  if (!progress.objects && reclaim_.waiting_is_futile()) return false;
  reclaim_.wait_for_frames(kShortWaitNs, served());
  return true;
}

/// The last who can help.  A request that may fail, or is hard to serve, does not trouble them.
bool PageAllocator::Attempt::others_helped() {
  if (costly() || has(gfp::kRetryMayFail | gfp::kThisNode) || (asker_.task_flags & task_flag::kOutOfMemory)) return false;
  return ++oom_rounds_ <= kMostRetries && reclaim_.out_of_memory() != 0;
}

/// __GFP_NOFAIL: with a claim to half of the reserve from here on, until somebody frees.
bool PageAllocator::Attempt::wait_for_ever() {
  reach_.high = true;
  const uint64_t now = kmem_port_now_ns();
  if (!began_ns_) began_ns_ = told_ns_ = now;
  if (now - told_ns_ >= kTellEveryNs) {
    told_ns_ = now;
    bug_report(Trouble::Warning, "an allocation that must not fail (order %u, gfp %#x) has waited for %llu s",
               unsigned{wish_.order.value}, wish_.gfp, static_cast<unsigned long long>((now - began_ns_) / (1000 * kMs)));
  }
  reclaim_.counts().nofail_waits.add();
  if (!try_claim()) reclaim_.wait_for_frames(kNoFailWaitNs, served());
  return got_.zone || try_claim();
}

bool PageAllocator::Attempt::try_with_reclaim() {
  reclaim_.counts().stalls.add();
  for (;;) {
    reclaim_.counts().rounds.add();
    if (pages_.bound_.look_again() && try_claim()) return true;
    const Reclaim::Progress progress = reclaim_.run(wish_.gfp, node_, has(gfp::kNoRetry) ? kDefPriority : 0, served());
    if (got_.zone || try_claim()) return true;
    if (!has(gfp::kNoFail) && (has(gfp::kNoRetry) || (costly() && !has(gfp::kRetryMayFail)))) return false;
    if (worth_another_round(progress)) {
      if (got_.zone || try_claim()) return true;
      continue;
    }
    if (others_helped()) continue;
    if (!has(gfp::kNoFail | gfp::kRetryMayFail)) reclaim_.tell_out_of_memory(wish_.gfp, wish_.order);
    if (!has(gfp::kNoFail)) return false;
    if (wait_for_ever()) return true;
  }
}

PageAllocator::Claimed PageAllocator::Attempt::run() {
  relieve_pressure();
  if (try_claim()) return got_;
  const bool waits = asker_.may_reclaim(wish_.gfp);
  if (waits ? try_with_reclaim() : try_without_waiting()) return got_;
  if (!waits && has(gfp::kNoFail) && asker_.may_sleep && has(gfp::kDirectReclaim))
    while (!wait_for_ever()) {
    }
  if (got_.zone) return got_;
  static RateLimit limit;
  if (has(gfp::kNoFail))
    bug_report_limited(limit, Trouble::Warning, "__GFP_NOFAIL where the caller may not sleep: it can fail all the same");
  reclaim_.counts().failures.add();
  return {};
}

// Memory outside the frames -----------------------------------------------------------------------------------------------

// From the highest zone down, as frames would be taken; not below the min mark.
bool PageAllocator::try_charge(uint64_t nr) {
  uint64_t left = nr;
  for (Zone** z = zones_by_node_[local_node().value]; *z && left; ++z) {
    const uint64_t spare = nr_spare(**z);
    const uint64_t some = spare < left ? spare : left;
    (*z)->charge(some);
    left -= some;
  }
  if (left) return uncharge(nr - left), false;
  for (unsigned i = 0; i < nr_zones_; ++i)
    if (zones_[i].nr_charged() && zones_[i].nr_dirty() > zones_[i].nr_available()) zones_[i].give_to_host(zones_[i].nr_available());
  return true;
}

bool PageAllocator::charge(uint64_t nr) {
  if (!limited_) return true;
  bound_.heed(gfp::kKernel);
  if (try_charge(nr)) return true;
  if (this_asker(gfp::kKernel).may_reclaim(gfp::kKernel)) {
    struct Charge {
      PageAllocator* pages;
      uint64_t nr;
      bool done = false;
    } charge{this, nr};
    bound_.look_again();
    reclaim_.run(gfp::kKernel, local_node().value, 0,
                 {[](void* arg) {
                    auto& c = *static_cast<Charge*>(arg);
                    return c.done = c.done || c.pages->try_charge(c.nr);
                  },
                  &charge});
    if (charge.done || try_charge(nr)) return true;
  }
  reclaim_.counts().failures.add();
  return false;
}

void PageAllocator::uncharge(uint64_t nr) {
  for (unsigned i = 0; limited_ && nr && i < nr_zones_; ++i) nr -= zones_[i].uncharge(nr);
  reclaim_.note_freed();
}

PageAllocator::Claimed PageAllocator::claim_slowly(const Wish& wish, unsigned node) {
  return Attempt(*this, wish, node).run();
}

}  // namespace kmem
