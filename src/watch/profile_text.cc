#include "watch/profile_text.h"

#include "base/format.h"
#include "port/port.h"
#include "watch/profile.h"
#include "watch/profile_math.h"

namespace kmem {
namespace {

struct Sums {
  uint64_t blocks = 0, bytes = 0;

  void operator+=(const Sums& other) {
    blocks += other.blocks;
    bytes += other.bytes;
  }
  friend Sums operator-(const Sums& a, const Sums& b) {
    return {a.blocks > b.blocks ? a.blocks - b.blocks : 0, a.bytes > b.bytes ? a.bytes - b.bytes : 0};
  }
};

/// Samples that were taken with another period, as so many of this one: a reader knows one period only.
Sums scaled(const Sums& sums, uint64_t from, uint64_t to) {
  if (from == to || !sums.blocks) return sums;
  const uint64_t size = sums.bytes / sums.blocks, is = weight_of(size, from), shown = weight_of(size, to);
  const uint64_t factor = is / shown >> (kFraction - 1) ? kOne << (kFraction - 1) : ratio(is, shown);
  const auto times = [&](uint64_t n) { return multiply_high32(n, factor); };
  return {times(sums.blocks), times(sums.bytes)};
}

/// Of one chain of callers.
struct Line {
  Sums live, all;

  Line() = default;
  Line(const ProfileSite& site, uint64_t period) {
    // Frees first: a block that comes and goes meanwhile is then no free without an allocation.
    const Sums freed{site.frees.value(), site.freed_bytes.value()}, allocated{site.allocs.value(), site.alloc_bytes.value()};
    all = scaled(allocated, site.period, period);
    live = scaled(allocated - freed, site.period, period);
  }
  void put(Text& text) const { text.printf("%ju: %ju [%ju: %ju] @", live.blocks, live.bytes, all.blocks, all.bytes); }
};

template <typename Visit>
void each_site(Visit visit) {
  const ProfileSite* sites = kmem_profile.world.sites.load();
  for (uint32_t i = 0; i < ProfileWorld::kNrSites; ++i)
    if (sites[i].key.load() > 1) visit(sites[i]);
}

void write_site(int file, const ProfileSite& site, uint64_t period) {
  TextOf<1280> text;
  text.put("  ");
  Line(site, period).put(text);
  void* frames[ProfileSite::kFrames];
  const unsigned nr = site.nr_frames < ProfileSite::kFrames ? site.nr_frames : ProfileSite::kFrames;
  for (unsigned i = 0; i < nr; ++i) frames[i] = reinterpret_cast<void*>(site.frames[i]);
  for (unsigned i = kmem_port_own_frames(frames, nr); i < nr; ++i) text.put(" 0x").hex(site.frames[i]);
  text.put('\n');
  kmem_port_write(file, text.data(), text.size());
}

}  // namespace

bool write_profile(int file) {
  const ProfileWorld& world = kmem_profile.world;
  if (!world.blocks.load()) return false;
  const uint64_t period = world.period.peek();
  Line total;
  each_site([&](const ProfileSite& site) {
    const Line line(site, period);
    total.live += line.live;
    total.all += line.all;
  });
  TextOf<256> head;
  head.put("heap profile: ");
  total.put(head);
  head.printf(" heap_v2/%ju\n# lost %ju\n", period, world.lost_sites.value() + world.lost_blocks.value());
  kmem_port_write(file, head.data(), head.size());
  each_site([&](const ProfileSite& site) { write_site(file, site, period); });
  constexpr char kFiles[] = "MAPPED_LIBRARIES:\n";
  kmem_port_write(file, kFiles, sizeof kFiles - 1);
  kmem_port_write_mappings(file);
  return true;
}

}  // namespace kmem
