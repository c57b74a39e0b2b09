// The slow path of a request that no zone can serve above its low mark. docs/reclaim.md explains it.

#include "page/page_allocator.h"
#include "port/port.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr uint64_t kMs = 1'000'000;
/// The kernel's MAX_RECLAIM_RETRIES: rounds without progress before the request fails.
constexpr unsigned kMostRetries = 16;
/// Between two rounds, waits for other threads to free memory.
constexpr uint64_t kShortWaitNs = kMs, kLongWaitNs = 10 * kMs, kNoFailWaitNs = 100 * kMs;
constexpr uint64_t kTellEveryNs = 10'000 * kMs;

}  // namespace

/// One request on its way through rounds of reclaim.
class PageAllocator::Attempt {
 public:
  Attempt(PageAllocator& pages, const FrameRequest& asked, unsigned node)
      : pages_(pages), reclaim_(pages.reclaim_), asker_(this_asker(asked.gfp)), request_(asked), node_(node) {
    request_.gfp = gfp_of(asked.gfp, asker_);
    reach_ = reach_of(request_.gfp, asker_);
  }

  ClaimedFrames run();

 private:
  bool has(Gfp bits) const { return request_.gfp & bits; }
  bool costly() const { return request_.order.value > kCostlyOrder; }
  bool try_claim() { return (got_ = pages_.claim_within(request_, node_, reach_)).zone != nullptr; }
  Goal served() {
    return {[](void* self) { return static_cast<Attempt*>(self)->try_claim(); }, this};
  }
  Goal above_high() {
    return {[](void* self) {
              const auto& me = *static_cast<Attempt*>(self);
              return me.pages_.is_above_high(me.request_, me.node_);
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
  FrameRequest request_;
  unsigned node_;
  Reach reach_;
  ClaimedFrames got_;
  unsigned futile_rounds_ = 0, oom_rounds_ = 0;
  uint64_t began_ns_ = 0, told_ns_ = 0;
};

// The zones are below their low marks: starts reclaim while there is still some memory.
void PageAllocator::Attempt::relieve_pressure() {
  reclaim_.under_pressure(request_.gfp, node_, asker_.may_reclaim(request_.gfp), above_high());
}

/// A request that may not sleep gets only free frames: those of the zones, down to its mark, and those on this CPU's lists.
bool PageAllocator::Attempt::try_without_waiting() {
  pages_.drain(OtherCpus::Leave);
  return try_claim();
}

// While rounds make progress, a request that is not costly is retried without limit. Without progress it is retried only if
// other threads may free something.
bool PageAllocator::Attempt::worth_another_round(const Reclaim::Progress& progress) {
  if (progress.pages && !costly()) {
    futile_rounds_ = 0;
    return true;
  }
  if (++futile_rounds_ > kMostRetries) {
    reclaim_.waiters().note_futile();
    return false;
  }
  if (has(gfp::kRetryMayFail)) {
    reclaim_.wait_for_frames(kLongWaitNs, served());
    return true;
  }
  // Nothing was freed since another task's wait timed out, so this one's would too.
  if (!progress.objects && reclaim_.waiters().is_futile()) return false;
  reclaim_.wait_for_frames(kShortWaitNs, served());
  return true;
}

/// The last resort: out-of-memory notifiers. Not for costly orders, nor for requests that may fail.
bool PageAllocator::Attempt::others_helped() {
  if (costly() || has(gfp::kRetryMayFail | gfp::kThisNode) || (asker_.task_flags & task_flag::kOutOfMemory)) return false;
  return ++oom_rounds_ <= kMostRetries && reclaim_.out_of_memory() != 0;
}

/// __GFP_NOFAIL: waits until frames are freed; from now on the request may use half of the reserve.
bool PageAllocator::Attempt::wait_for_ever() {
  reach_.high = true;
  const uint64_t now = kmem_port_now_ns();
  if (!began_ns_) began_ns_ = told_ns_ = now;
  if (now - told_ns_ >= kTellEveryNs) {
    told_ns_ = now;
    bug_report(Trouble::Warning, "an allocation that must not fail (order %u, gfp %#x) has waited for %llu s",
               unsigned{request_.order.value}, request_.gfp, static_cast<unsigned long long>((now - began_ns_) / (1000 * kMs)));
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
    const Reclaim::Progress progress = reclaim_.run(request_.gfp, node_, has(gfp::kNoRetry) ? kDefPriority : 0, served());
    if (got_.zone || try_claim()) return true;
    if (!has(gfp::kNoFail) && (has(gfp::kNoRetry) || (costly() && !has(gfp::kRetryMayFail)))) return false;
    if (worth_another_round(progress)) {
      if (got_.zone || try_claim()) return true;
      continue;
    }
    if (others_helped()) continue;
    if (!has(gfp::kNoFail | gfp::kRetryMayFail)) reclaim_.tell_out_of_memory(request_.gfp, request_.order);
    if (!has(gfp::kNoFail)) return false;
    if (wait_for_ever()) return true;
  }
}

ClaimedFrames PageAllocator::Attempt::run() {
  relieve_pressure();
  if (try_claim()) return got_;
  const bool waits = asker_.may_reclaim(request_.gfp);
  if (waits ? try_with_reclaim() : try_without_waiting()) return got_;
  if (!waits && has(gfp::kNoFail) && asker_.may_sleep && has(gfp::kDirectReclaim))
    while (!wait_for_ever()) {
    }
  if (got_.zone) return got_;
  static RateLimit limit;
  if (has(gfp::kNoFail))
    bug_report_limited(limit, Trouble::Warning, "__GFP_NOFAIL in a context that may not sleep: the allocation can fail");
  reclaim_.counts().failures.add();
  return {};
}

ClaimedFrames PageAllocator::claim_slowly(const FrameRequest& request, unsigned node) {
  return Attempt(*this, request, node).run();
}

}  // namespace kmem
