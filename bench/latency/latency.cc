// How long single calls take at worst: threads allocate and free blocks of many sizes, hand them to each other, and time each
// call, while a timer sends signals.  All of them are load for the others; some may be load only, and untimed.
//
// It runs on whatever malloc the process has; with --call kmalloc it takes kmalloc(GFP_ATOMIC) and kfree of a preloaded
// libkmem-malloc.so.  One line of JSON.
#include <linux/gfp_types.h>

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

struct Options {
  uint64_t calls = 2000000;
  unsigned timed = 4, threads = 0;  // threads that time their calls, and that only allocate
  long hz = 1000;
  bool kmalloc = false;
  bool handlers_allocate = false;
  bool progress = false;
} options;

// The calls ------------------------------------------------------------------------------------------------------------

void* (*kmalloc_of_kmem)(size_t, gfp_t);
void (*kfree_of_kmem)(const void*);

bool find_kmalloc() {
  kmalloc_of_kmem = reinterpret_cast<void* (*)(size_t, gfp_t)>(dlsym(RTLD_DEFAULT, "kmem_kmalloc"));
  kfree_of_kmem = reinterpret_cast<void (*)(const void*)>(dlsym(RTLD_DEFAULT, "kmem_kfree"));
  return kmalloc_of_kmem && kfree_of_kmem;
}

void* allocate(size_t n) { return options.kmalloc ? kmalloc_of_kmem(n, GFP_ATOMIC) : malloc(n); }
void release(void* p) { options.kmalloc ? kfree_of_kmem(p) : free(p); }

uint64_t next(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/// Nine in ten up to 512 bytes, one in a hundred up to 100,000.
size_t random_size(uint64_t& state) {
  const uint64_t kind = next(state) % 100;
  return 1 + next(state) % (kind < 90 ? 512 : kind < 99 ? 8192 : 100000);
}

// Time -----------------------------------------------------------------------------------------------------------------

uint64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

#if defined(__x86_64__)
uint64_t ticks() {
  _mm_lfence();
  const uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
}
#else
uint64_t ticks() { return nanoseconds(); }
#endif

/// Counts by logarithm, 32 steps to an octave: no figure is wrong by more than 3 %.
class Histogram {
 public:
  void add(uint64_t value) {
    ++counts_[index(value)];
    ++n_;
    if (value > most_) most_ = value;
  }
  /// The least value that `share` of all are not above.
  uint64_t at(double share) const {
    const auto rank = static_cast<uint64_t>(share * static_cast<double>(n_));
    uint64_t seen = 0;
    for (unsigned i = 0; i < kBuckets; ++i)
      if ((seen += counts_[i]) > rank) return upper(i) < most_ ? upper(i) : most_;
    return most_;
  }
  uint64_t most() const { return most_; }
  void add_all(const Histogram& other) {
    for (unsigned i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    n_ += other.n_;
    if (other.most_ > most_) most_ = other.most_;
  }

 private:
  static constexpr unsigned kSteps = 32, kBuckets = 60 * kSteps;
  static unsigned index(uint64_t value) {
    if (value < kSteps) return static_cast<unsigned>(value);
    const unsigned octave = 63 - static_cast<unsigned>(__builtin_clzll(value));
    return (octave - 4) * kSteps + static_cast<unsigned>(value >> (octave - 5)) - kSteps;
  }
  static uint64_t upper(unsigned i) {
    if (i < kSteps) return i;
    const unsigned octave = i / kSteps + 4;
    return (uint64_t{i % kSteps} + kSteps + 1) << (octave - 5);
  }
  uint64_t counts_[kBuckets] = {};
  uint64_t n_ = 0, most_ = 0;
};

// Load -----------------------------------------------------------------------------------------------------------------

constexpr size_t kShared = 2048;
std::atomic<void*> shared[kShared];
std::atomic<bool> stop;
std::atomic<uint64_t> nr_signals, nr_of_others;

void allocate_until_stopped(uint64_t seed) {
  void* own[256] = {};
  uint64_t n = 0;
  for (; !stop.load(std::memory_order_relaxed); ++n) {
    void*& slot = own[next(seed) % 256];
    if (slot) release(slot);
    slot = allocate(random_size(seed));
    if (slot) *static_cast<volatile char*>(slot) = 1;
    if (n % 4 == 0) slot = shared[next(seed) % kShared].exchange(slot);
  }
  for (void* p : own)
    if (p) release(p);
  nr_of_others += n;
}

void on_signal(int) {
  ++nr_signals;
  if (!options.handlers_allocate) return;
  void* p = allocate(200);
  if (p) release(p);
}

timer_t start_timer() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  timer_t timer = {};
  const long every = 1000000000 / options.hz;
  const itimerspec period = {{every / 1000000000, every % 1000000000}, {every / 1000000000, every % 1000000000}};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &period, nullptr)) abort();
  return timer;
}

// Measuring ------------------------------------------------------------------------------------------------------------

/// Of one thread.  Long calls are looked at: has the thread lost its CPU to another one since we looked last?  A wait of the
/// allocator's own is a voluntary switch, and counts as its time.
struct Times {
  Histogram of_alloc, of_free;
  uint64_t longest_kept[2] = {};
  long switches_seen = 0, preempted = 0;

  void note(Histogram& histogram, uint64_t& kept, uint64_t value) {
    constexpr uint64_t kLong = 20000;
    histogram.add(value);
    if (value <= kept) return;
    const long switches = value > kLong ? nr_switches() : switches_seen;
    if (switches == switches_seen) kept = value;
    switches_seen = switches;
  }
  static long nr_switches() {
    rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
  }
  void add_all(const Times& other) {
    of_alloc.add_all(other.of_alloc);
    of_free.add_all(other.of_free);
    for (int i = 0; i < 2; ++i)
      if (other.longest_kept[i] > longest_kept[i]) longest_kept[i] = other.longest_kept[i];
    preempted += other.preempted;
  }
};

std::atomic<uint64_t> nr_done;

void measure(Times& times, uint64_t seed, uint64_t calls) {
  constexpr uint64_t kTellEvery = 1 << 16;
  void* own[512] = {};
  const long before = Times::nr_switches();
  for (uint64_t i = 0; i < calls; ++i) {
    void*& slot = own[next(seed) % 512];
    const size_t size = random_size(seed);
    if (slot) {
      const uint64_t begin = ticks();
      release(slot);
      times.note(times.of_free, times.longest_kept[1], ticks() - begin);
    }
    const uint64_t begin = ticks();
    slot = allocate(size);
    times.note(times.of_alloc, times.longest_kept[0], ticks() - begin);
    if (slot) *static_cast<volatile char*>(slot) = 1;
    if (i % 8 == 0) slot = shared[next(seed) % kShared].exchange(slot);
    if (i % kTellEvery == 0) nr_done.fetch_add(kTellEvery, std::memory_order_relaxed);
  }
  for (void* p : own)
    if (p) release(p);
  times.preempted = Times::nr_switches() - before;
}

/// To standard error, every five seconds: what is done, and how long the rest will take.
void tell_progress(uint64_t begun_ns) {
  for (unsigned tenths = 1; !stop.load(std::memory_order_relaxed); ++tenths) {
    const timespec tenth = {0, 100000000};
    nanosleep(&tenth, nullptr);
    const double done = static_cast<double>(nr_done.load()) / static_cast<double>(options.calls);
    if (tenths % 50 || done <= 0 || done >= 1) continue;
    const double seconds = static_cast<double>(nanoseconds() - begun_ns) * 1e-9;
    std::fprintf(stderr, "latency:   %.0f %%, %.0f s to go\n", 100 * done, seconds / done - seconds);
  }
}

void print_histogram(const char* name, const Histogram& h, uint64_t kept, double ns_per_tick) {
  const auto ns = [&](uint64_t n) { return static_cast<double>(n) * ns_per_tick; };
  std::printf(
      "\"%s\": {\"p50\": %.0f, \"p99\": %.0f, \"p99.9\": %.0f, \"p99.99\": %.0f, \"p99.999\": %.0f, \"kept\": %.0f, \"max\": %.0f}, ",
      name, ns(h.at(0.5)), ns(h.at(0.99)), ns(h.at(0.999)), ns(h.at(0.9999)), ns(h.at(0.99999)), ns(kept), ns(h.most()));
}

int usage(int status) {
  std::fprintf(
      status ? stderr : stdout,
      "usage: latency [--calls N] [--timed N] [--threads N] [--signals HZ] [--call malloc|kmalloc] [--handlers-allocate]\n"
      "               [--progress]\n"
      "       latency --who      which library's malloc this process has\n");
  return status;
}

bool parse(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const auto is = [&](const char* name) { return !std::strcmp(argv[i], name); };
    if (is("--handlers-allocate")) options.handlers_allocate = true;
    else if (is("--progress")) options.progress = true;
    else if (i + 1 == argc) return false;
    else if (is("--calls")) options.calls = std::strtoull(argv[++i], nullptr, 10);
    else if (is("--threads")) options.threads = static_cast<unsigned>(std::atoi(argv[++i]));
    else if (is("--timed")) options.timed = static_cast<unsigned>(std::atoi(argv[++i]));
    else if (is("--signals")) options.hz = std::atol(argv[++i]);
    else if (is("--call")) options.kmalloc = !std::strcmp(argv[++i], "kmalloc");
    else return false;
  }
  return options.timed > 0 && options.calls >= options.timed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && !std::strcmp(argv[1], "--help")) return usage(0);
  if (argc == 2 && !std::strcmp(argv[1], "--who")) {
    Dl_info info;
    std::puts(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) ? info.dli_fname : "?");
    return 0;
  }
  if (!parse(argc, argv)) return usage(2);
  if (options.kmalloc && !find_kmalloc()) {
    std::fputs("latency: there is no kmalloc in this process: preload libkmem-malloc.so\n", stderr);
    return 2;
  }
  std::vector<Times> times(options.timed);
  std::vector<std::thread> timed, threads;
  for (unsigned i = 0; i < options.threads; ++i) threads.emplace_back(allocate_until_stopped, 7919 * (i + 1));
  timer_t timer = {};
  if (options.hz) timer = start_timer();

  const uint64_t ns = nanoseconds(), tsc = ticks();
  if (options.progress) threads.emplace_back(tell_progress, ns);
  for (unsigned i = 0; i < options.timed; ++i)
    timed.emplace_back(measure, std::ref(times[i]), 88172645463325252u + 7907 * i, options.calls / options.timed);
  for (std::thread& thread : timed) thread.join();
  const double elapsed = static_cast<double>(nanoseconds() - ns);
  const double ns_per_tick = elapsed / static_cast<double>(ticks() - tsc);

  if (options.hz) timer_delete(timer);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : shared)
    if (void* p = slot.exchange(nullptr)) release(p);
  for (unsigned i = 1; i < options.timed; ++i) times[0].add_all(times[i]);
  std::printf("{\"calls\": %llu, ", static_cast<unsigned long long>(options.calls / options.timed * options.timed));
  print_histogram("alloc_ns", times[0].of_alloc, times[0].longest_kept[0], ns_per_tick);
  print_histogram("free_ns", times[0].of_free, times[0].longest_kept[1], ns_per_tick);
  std::printf("\"seconds\": %.3f, \"signals\": %llu, \"calls_of_others\": %llu, \"preempted\": %ld}\n", elapsed * 1e-9,
              static_cast<unsigned long long>(nr_signals.load()), static_cast<unsigned long long>(nr_of_others.load()),
              times[0].preempted);
  return 0;
}
