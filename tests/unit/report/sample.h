#pragma once
// A made-up system whose numbers differ from each other, so that a column in the wrong place shows.

#include <array>
#include <string>

#include "report/snapshot.h"
#include "report/texts.h"

namespace kmem::test {

struct Sample {
  std::array<CacheSnapshot, 2> caches{};
  std::array<PcpSnapshot, 2> pcps{};
  std::array<ZoneSnapshot, 3> zones{};
  SystemSnapshot system;

  Sample() {
    fill_caches();
    fill_zones();
    system.caches = {caches.data(), caches.size()};
    system.zones = {zones.data(), zones.size()};
    system.mapped = {2, 8 << 20, 16 << 20};
    system.paths = {true, 999000, 1000};
    system.process = {4711, 4700, "server", 30 << 20, 90 << 20};
    system.nr_cpus = 2;
    system.nr_nodes = 1;
    system.cpu_stack = CpuStackMode::Rseq;
    system.bytes_in_use = 3 << 20;
    system.bytes_peak = 70 << 20;
    system.bytes_online = 128 << 20;
    system.bytes_given_back = 60 << 20;
    system.times_given_back = 30;
    system.version = "0.1.0";
    system.boot_words = "mem=1G stats";
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

 private:
  void fill_caches() {
    caches[0] = {.name = "kmalloc-64",
                 .object_size = 64,
                 .stride = 64,
                 .objects_per_slab = 64,
                 .pages_per_slab = 1,
                 .active_objs = 1000,
                 .num_objs = 1280,
                 .active_slabs = 18,
                 .num_slabs = 20,
                 .limit = 126,
                 .batchcount = 63,
                 .shared = 4,
                 .cached_objs = 253,
                 .allocs = 600000,
                 .frees = 399000,
                 .slow_allocs = 700,
                 .slow_frees = 300,
                 .aliases = 3};
    caches[1] = {.name = "my cache", .object_size = 300, .stride = 320, .objects_per_slab = 12, .pages_per_slab = 1};
  }

  void fill_zones() {
    pcps[0] = {0, 100, 372, 62};
    pcps[1] = {1, 7, 372, 62};
    zones[0] = {.name = "DMA",
                .free_blocks = {1, 0, 1},
                .nr_free = 5,
                .min = 8,
                .low = 10,
                .high = 12,
                .spanned = 4095,
                .present = 3998,
                .managed = 3840,
                .start_pfn = 1,
                .protection = {0, 28928, 28928, 28928, 28928}};
    zones[1] = {.name = "Normal",
                .free_blocks = {12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2},
                .nr_free = 8179,
                .min = 60,
                .low = 75,
                .high = 90,
                .spanned = 28928,
                .present = 28900,
                .managed = 28800,
                .start_pfn = 4096,
                .clean = 8000,
                .dirty = 179,
                .pcps = {pcps.data(), pcps.size()}};
    zones[2] = {.name = "Movable", .min = 32, .low = 32, .high = 32};
  }
};

/// What one of the put_...() functions writes.
inline std::string text_of(void (*put)(Text&, const SystemSnapshot&), const SystemSnapshot& system) {
  std::string buffer(1 << 16, '\0');
  Text text(Span<char>(buffer.data(), buffer.size()));
  put(text, system);
  return {text.data(), text.size()};
}

}  // namespace kmem::test
