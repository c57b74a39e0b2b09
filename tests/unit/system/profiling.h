#pragma once
// What the tests of heap profiles share.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "system/system.h"
#include "watch/profile.h"

namespace kmem {

/// Sampling with that period while it lives.
class Sampling {
 public:
  explicit Sampling(uint64_t period) {
    EXPECT_TRUE(boot());
    kmem_profile.ask(period);
    follow_profile();
    EXPECT_TRUE(kmem_profile.is_on());
  }
  ~Sampling() {
    kmem_profile.ask(0);
    follow_profile();
  }
};

struct Totals {
  double bytes = 0, error = 0;  // estimated, and the standard deviation of that
  uint64_t allocs = 0, frees = 0;
};

/// Of all sites whose blocks have sizes from `least` to `most`.
inline Totals totals(uint64_t least, uint64_t most) {
  Totals t;
  double variance = 0;
  const ProfileSite* sites = kmem_profile.world.sites.peek();
  for (uint32_t i = 0; sites && i < ProfileWorld::kNrSites; ++i) {
    const ProfileSite& site = sites[i];
    const uint64_t n = site.key.peek() > 1 ? site.allocs.value() : 0;
    const double size = n ? static_cast<double>(site.alloc_bytes.value()) / static_cast<double>(n) : 0;
    if (!n || size < static_cast<double>(least) || size > static_cast<double>(most)) continue;
    const double p = -std::expm1(-size / static_cast<double>(site.period));
    t.bytes += static_cast<double>(n) * size / p;
    variance += static_cast<double>(n) * (1 - p) * size * size / p / p;
    t.allocs += n;
    t.frees += site.frees.value();
  }
  t.error = std::sqrt(variance);
  return t;
}

inline Totals operator-(const Totals& a, const Totals& b) {
  return {a.bytes - b.bytes, std::sqrt(a.error * a.error - b.error * b.error), a.allocs - b.allocs, a.frees - b.frees};
}

}  // namespace kmem
