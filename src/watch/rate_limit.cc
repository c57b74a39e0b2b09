#include "watch/rate_limit.h"

#include "port/port.h"

namespace kmem {

RateLimit::Verdict RateLimit::ask() {
  const uint64_t now = kmem_port_now_ns() / 1'000'000 + 1;
  uint64_t seen = window_.load();
  for (;;) {
    const uint64_t opened = seen >> kCountBits;
    const bool over = opened == 0 || now > opened + window_ms_;
    if (!over && (seen & kCountMask) >= burst_) {
      suppressed_.add();
      return {};
    }
    const uint64_t next = over ? (now << kCountBits) + 1 : seen + 1;
    if (window_.compare_exchange(seen, next)) return {true, over ? suppressed_.take() : 0};
  }
}

}  // namespace kmem
