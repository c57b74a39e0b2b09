#include "watch/profile.h"

#include "port/port.h"
#include "watch/fault_injection.h"
#include "watch/profile_math.h"

constinit kmem::Profile kmem_profile;

extern "C" {
__attribute__((section(".probes"))) volatile unsigned short otel_memory_alloc_semaphore = 0;
__attribute__((section(".probes"))) volatile unsigned short otel_memory_free_semaphore = 0;
}

namespace kmem {
namespace {

constexpr uint64_t kFree = 0, kGone = 1, kBusy = 2;
constexpr uint32_t kReach = 64;

uint64_t mix(uint64_t x) {
  x = (x ^ x >> 32) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 29) * 0x94d049bb133111ebu;
  return x ^ x >> 32;
}

uint64_t key_of(const void* p) { return ~reinterpret_cast<uint64_t>(p); }
uint32_t home_of(uint64_t key) { return static_cast<uint32_t>(mix(key)) % ProfileWorld::kNrBlocks; }

/// Sizes that differ by less than an eighth share their sites.
uint64_t size_group(size_t size) {
  const unsigned drop = size < 16 ? 0 : 60u - static_cast<unsigned>(__builtin_clzll(size));
  return size >> drop << 6 | drop;
}

constexpr size_t kBytesOfTables = ProfileWorld::kNrSites * sizeof(ProfileSite) + ProfileWorld::kNrBlocks * sizeof(ProfileBlock);

int64_t* countdown_of(CpuId cpu) { return reinterpret_cast<int64_t*>(CpuStack::words(cpu) + kCountdown); }

}  // namespace

// On and off -------------------------------------------------------------------------------------------------------------

uint64_t Profile::wanted_period() const {
  if (const uint64_t asked = asked_period_.peek()) return asked;
  if (world.outside_until_ns.peek()) {
    const uint64_t period = world.outside_period.peek();
    return period && period < kLongestPeriod ? period : kDefaultPeriod;
  }
  return otel_memory_alloc_semaphore || otel_memory_free_semaphore ? kDefaultPeriod : 0;
}

bool Profile::make_tables() {
  if (world.blocks.load()) return true;
  if (should_fail(FaultPoint::Map, kNoGfp, kBytesOfTables)) return false;
  auto* at = static_cast<char*>(kmem_port_map(kBytesOfTables, kPageSize));
  if (!at) return false;
  world.sites.store(reinterpret_cast<ProfileSite*>(at));
  world.blocks.store(reinterpret_cast<ProfileBlock*>(at + ProfileWorld::kNrSites * sizeof(ProfileSite)));
  seed_.store(kmem_port_entropy());
  return true;
}

bool Profile::update() {
  if (updating_.exchange(1)) return false;
  const uint64_t wanted = wanted_period();
  const bool done = !wanted || make_tables();
  if (done && wanted && wanted != period_now()) {
    world.period.store(wanted);
    for (uint32_t i = 0; i < CpuStack::nr_areas(); ++i) draw({i});
  }
  if (done) world.on.store(wanted != 0);
  updating_.store(0);
  return done;
}

// A reader that was killed cannot end its lease itself.
void Profile::end_lease() {
  uint64_t until = world.outside_until_ns.peek();
  if (until && kmem_port_now_ns() > until) world.outside_until_ns.compare_exchange(until, 0);
}

// Samples ----------------------------------------------------------------------------------------------------------------

uint64_t Profile::random() { return mix(seed_.fetch_add(0x9e3779b97f4a7c15u)); }

void Profile::draw(CpuId cpu) {
  const auto bytes = static_cast<int64_t>(bytes_to_next(random(), world.period.peek()));
  __atomic_store_n(countdown_of(cpu), bytes, __ATOMIC_RELAXED);
}

bool Profile::take_due(size_t more) {
  const CpuId cpu = CpuStack::where();
  if (__atomic_sub_fetch(countdown_of(cpu), static_cast<int64_t>(more), __ATOMIC_RELAXED) >= 0) return false;
  draw(cpu);
  return true;
}

ProfileSite* Profile::site_of(const uint64_t* frames, unsigned nr, size_t size) {
  uint64_t key = mix(size_group(size) + world.period.peek() * 2654435761u);
  for (unsigned i = 0; i < nr; ++i) key = mix(key + frames[i]);
  key |= kBusy;
  ProfileSite* sites = world.sites.load();
  for (uint32_t i = 0; i < kReach; ++i) {
    ProfileSite& site = sites[(key / 4 + i) % ProfileWorld::kNrSites];
    uint64_t seen = site.key.load();
    if (seen == key) return &site;
    if (seen || !site.key.compare_exchange(seen, 1)) continue;  // two CPUs at once may each make an entry: readers add them up
    site.period = world.period.peek();
    site.nr_frames = nr;
    for (unsigned f = 0; f < nr; ++f) site.frames[f] = frames[f];
    site.key.store(key);
    return &site;
  }
  world.lost_sites.add();
  return nullptr;
}

ProfileBlock* Profile::find(const void* p) const {
  ProfileBlock* blocks = world.blocks.load();
  const uint64_t key = key_of(p);
  for (uint32_t i = 0; blocks && i < kReach; ++i) {
    ProfileBlock& block = blocks[(home_of(key) + i) % ProfileWorld::kNrBlocks];
    const uint64_t seen = block.key.load();
    if (seen == key) return &block;
    if (seen == kFree) return nullptr;
  }
  return nullptr;
}

bool Profile::insert(const void* p, size_t size, uint32_t site) {
  ProfileBlock* blocks = world.blocks.load();
  for (uint32_t i = 0; i < kReach; ++i) {
    ProfileBlock& block = blocks[(home_of(key_of(p)) + i) % ProfileWorld::kNrBlocks];
    uint64_t seen = block.key.load();
    if (seen > kGone || !block.key.compare_exchange(seen, kBusy)) continue;
    block.size = size;
    block.when_ns = kmem_port_now_ns();
    block.site = site;
    world.live.add();
    block.key.store(key_of(p));
    return true;
  }
  world.lost_blocks.add();
  return false;
}

void Profile::record(const void* p, size_t size) {
  void* trace[ProfileSite::kFrames];
  uint64_t frames[ProfileSite::kFrames];
  const unsigned nr = kmem_port_backtrace(trace, ProfileSite::kFrames);
  for (unsigned i = 0; i < nr; ++i) frames[i] = reinterpret_cast<uint64_t>(trace[i]);
  end_lease();
  ProfileSite* site = site_of(frames, nr, size);
  if (!site) return;
  site->allocs.add();
  site->alloc_bytes.add(size);
  if (!insert(p, size, static_cast<uint32_t>(site - world.sites.peek()))) return;
  kmem_port_probe_alloc(p, size, weight_of(size, site->period));
}

void Profile::freed(const void* p) {
  ProfileBlock* block = find(p);
  if (!block) return;
  const uint64_t size = block->size;
  ProfileSite& site = world.sites.peek()[block->site];
  uint64_t key = key_of(p);
  if (!block->key.compare_exchange(key, kGone)) return;
  world.live.sub();
  site.frees.add();
  site.freed_bytes.add(size);
  kmem_port_probe_free(p);
}

}  // namespace kmem
