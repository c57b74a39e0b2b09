#include "bench.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace kmem::bench {
namespace {

// Reads without stdio: a stream's buffer would be an allocation of its own in the middle of the figures.
std::uint64_t kilobytes_in(const char* file, const char* field) {
  static char text[8192];
  const int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  std::size_t filled = 0;
  for (ssize_t got = 1; got > 0 && filled < sizeof text - 1; filled += static_cast<std::size_t>(std::max<ssize_t>(got, 0)))
    got = read(fd, text + filled, sizeof text - 1 - filled);
  close(fd);
  text[filled] = '\0';
  const char* at = std::strstr(text, field);
  return at ? std::strtoull(at + std::strlen(field), nullptr, 10) : 0;
}

// The roll-up walks the page tables, so it is exact where VmRSS may lag by some pages for each thread.
std::uint64_t resident_kb() {
  const std::uint64_t exact = kilobytes_in("/proc/self/smaps_rollup", "\nRss:");
  return exact ? exact : kilobytes_in("/proc/self/status", "\nVmRSS:");
}

std::uint64_t peak_kb() { return kilobytes_in("/proc/self/status", "\nVmHWM:"); }

void write_all(const char* text, int length) {
  for (const char* end = text + length; text < end;) {
    const ssize_t wrote = write(STDOUT_FILENO, text, static_cast<std::size_t>(end - text));
    if (wrote <= 0) _exit(1);
    text += wrote;
  }
}

}  // namespace

std::uint64_t Random::spread(std::uint64_t low, std::uint64_t high) {
  unsigned doublings = 0;
  while ((low << (doublings + 1)) <= high) ++doublings;
  const std::uint64_t base = low << below(doublings);
  return between(base, 2 * base);
}

void shuffle(Array<std::uint32_t>& order, Random& random) {
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

void Bench::begin() {
  start_kb_ = resident_kb();
  start_wall_ = seconds(CLOCK_MONOTONIC);
}

void Bench::sample(unsigned index, double ops, double wall, double cpu) {
  wall_ns_[index] = wall * 1e9 / ops;
  cpu_ns_[index] = cpu * 1e9 / ops;
}

void Bench::print(const char* name, unsigned idle_ms) {
  const double work_seconds = seconds(CLOCK_MONOTONIC) - start_wall_;
  const std::uint64_t peak = peak_kb();
  const std::uint64_t freed = resident_kb();
  std::sort(wall_ns_, wall_ns_ + repeats_);
  std::sort(cpu_ns_, cpu_ns_ + repeats_);

  // The script may start the next run now; this process only sleeps and looks at itself once more.
  write_all("freed\n", 6);
  // An idle process calls nothing: whatever returns memory now does so by itself.
  timespec rest{static_cast<time_t>(idle_ms / 1000), static_cast<long>(idle_ms % 1000) * 1000000L};
  while (nanosleep(&rest, &rest) != 0) {
  }

  char line[512];
  const int length = std::snprintf(
      line, sizeof line,
      "{\"pattern\":\"%s\",\"ns_op\":%.3f,\"ns_op_min\":%.3f,\"ns_op_max\":%.3f,\"cpu_ns_op\":%.3f,\"work_s\":%.4f,"
      "\"start_kb\":%llu,\"peak_kb\":%llu,\"freed_kb\":%llu,\"idle_kb\":%llu,\"live_kb\":%llu}\n",
      name, wall_ns_[repeats_ / 2], wall_ns_[0], wall_ns_[repeats_ - 1], cpu_ns_[repeats_ / 2], work_seconds,
      static_cast<unsigned long long>(start_kb_), static_cast<unsigned long long>(peak), static_cast<unsigned long long>(freed),
      static_cast<unsigned long long>(resident_kb()), static_cast<unsigned long long>(live_ / 1024));
  write_all(line, length);
}

}  // namespace kmem::bench
