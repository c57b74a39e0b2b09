// What a per-CPU increment costs beside the other ways to count: see usage().

#define _GNU_SOURCE 1
#include <linux/percpu.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr char kUsage[] = R"(Usage: percpu [--threads N,N...] [--rounds N] [--times N] [--json] [--help]

Counts up, in the ways below, and prints nanoseconds a count: the median of the rounds, with least and most, and as a
multiple of the thread-local count.  The ways take turns, so that whatever disturbs the machine disturbs all of them.

  --threads N,N   how many threads count at once (default: 1,2)
  --rounds N      (default: 9)
  --times N       counts of one thread in one round (default: 2000000)
  --json          the same as JSON

Example:
  build/release/bench/percpu --threads 1,2 --json
)";

DEFINE_PER_CPU(long, hits);
long __percpu* dynamic_hits;
thread_local long local_hits;
std::atomic<long> shared_hits;
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
long locked_hits;

struct alignas(64) Slot {
  std::atomic<bool> taken{false};
  long hits = 0;
};
std::vector<Slot> slots(1024);

// Each loop stands for itself, and the compiler may not do several counts at once.
inline void keep() { asm volatile("" ::: "memory"); }

void count_this_cpu(long n) {
  for (long i = 0; i < n; ++i) this_cpu_inc(hits);
}
void count_dynamic(long n) {
  for (long i = 0; i < n; ++i) this_cpu_inc(*dynamic_hits);
}
void count_in_section(long n) {
  for (long i = 0; i < n; ++i) {
    ++get_cpu_var(hits);
    put_cpu_var(hits);
  }
}
void count_local(long n) {
  for (long i = 0; i < n; ++i) {
    ++local_hits;
    keep();
  }
}
// For each thread a word of its own: the locked add alone, with nobody who wants the same line.
void count_locked_alone(long n) {
  alignas(64) std::atomic<long> own{0};
  for (long i = 0; i < n; ++i) own.fetch_add(1, std::memory_order_relaxed);
}
void count_shared(long n) {
  for (long i = 0; i < n; ++i) shared_hits.fetch_add(1, std::memory_order_relaxed);
}
void count_mutex(long n) {
  for (long i = 0; i < n; ++i) {
    pthread_mutex_lock(&mutex);
    ++locked_hits;
    pthread_mutex_unlock(&mutex);
  }
}
void count_getcpu(long n) {
  for (long i = 0; i < n; ++i) {
    Slot& slot = slots[static_cast<size_t>(sched_getcpu()) % slots.size()];
    while (slot.taken.exchange(true, std::memory_order_acquire)) sched_yield();
    ++slot.hits;
    slot.taken.store(false, std::memory_order_release);
  }
}

struct Way {
  const char* name;
  const char* what;
  void (*count)(long);
  long share = 1;  // of the counts: slow ways count less often
};
constexpr Way kWays[] = {
    {"thread_local", "++ of a thread_local", count_local},
    {"this_cpu_inc", "this_cpu_inc() of a static variable", count_this_cpu},
    {"this_cpu_inc_dynamic", "this_cpu_inc() of alloc_percpu()'s", count_dynamic},
    {"get_cpu_var", "++get_cpu_var(), put_cpu_var()", count_in_section, 10},
    {"locked_add", "a locked add, nobody else's", count_locked_alone, 4},
    {"atomic_shared", "one atomic counter for all", count_shared, 10},
    {"getcpu_spinlock", "sched_getcpu() and a spin lock", count_getcpu, 10},
    {"mutex", "one counter under a mutex", count_mutex, 20},
};

double nanoseconds(const Way& way, unsigned nr_threads, long times) {
  const long n = times / way.share;
  std::atomic<unsigned> ready{0};
  std::atomic<bool> go{false};
  std::vector<double> taken(nr_threads);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < nr_threads; ++t)
    threads.emplace_back([&, t] {
      ++ready;
      while (!go) sched_yield();
      const auto start = std::chrono::steady_clock::now();
      way.count(n);
      taken[t] =
          std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(n);
    });
  while (ready < nr_threads) sched_yield();
  go = true;
  for (std::thread& thread : threads) thread.join();
  return *std::max_element(taken.begin(), taken.end());
}

struct Row {
  const Way* way;
  double median, least, most, ratio;
};

std::vector<Row> measure(unsigned nr_threads, unsigned rounds, long times) {
  std::vector<std::vector<double>> taken(std::size(kWays));
  for (unsigned round = 0; round < rounds; ++round)
    for (size_t w = 0; w < std::size(kWays); ++w) taken[w].push_back(nanoseconds(kWays[w], nr_threads, times));
  std::vector<Row> rows;
  for (size_t w = 0; w < std::size(kWays); ++w) {
    std::sort(taken[w].begin(), taken[w].end());
    rows.push_back({&kWays[w], taken[w][rounds / 2], taken[w].front(), taken[w].back(), 0});
  }
  for (Row& row : rows) row.ratio = row.median / rows[0].median;
  return rows;
}

void print(unsigned nr_threads, const std::vector<Row>& rows) {
  std::printf("\n%u thread%s\n%-38s %8s %17s %15s\n", nr_threads, nr_threads > 1 ? "s" : "", "", "ns", "least..most",
              "x thread_local");
  for (const Row& row : rows)
    std::printf("%-38s %8.2f %8.2f..%-7.2f %13.2f\n", row.way->what, row.median, row.least, row.most, row.ratio);
}

void print_json(unsigned nr_threads, const std::vector<Row>& rows, bool last) {
  std::printf("  {\"threads\": %u, \"ways\": [\n", nr_threads);
  for (const Row& row : rows)
    std::printf("    {\"name\": \"%s\", \"ns\": %.4f, \"least\": %.4f, \"most\": %.4f, \"ratio\": %.3f}%s\n", row.way->name,
                row.median, row.least, row.most, row.ratio, &row == &rows.back() ? "" : ",");
  std::printf("  ]}%s\n", last ? "" : ",");
}

[[noreturn]] void end_with_usage(int status) {
  std::fputs(kUsage, status ? stderr : stdout);
  std::exit(status);
}

long number(const char* text) {
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  if (n < 1 || *end) end_with_usage(2);
  return n;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<unsigned> threads = {1, 2};
  unsigned rounds = 9;
  long times = 2000000;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return ++i < argc ? argv[i] : (end_with_usage(2), nullptr); };
    if (word == "--help" || word == "-h") end_with_usage(0);
    else if (word == "--json") json = true;
    else if (word == "--rounds") rounds = static_cast<unsigned>(number(value()));
    else if (word == "--times") times = number(value());
    else if (word == "--threads") {
      threads.clear();
      std::string list = value();
      for (char* part = std::strtok(list.data(), ","); part; part = std::strtok(nullptr, ","))
        threads.push_back(static_cast<unsigned>(number(part)));
    } else end_with_usage(2);
  }
  dynamic_hits = alloc_percpu(long);
  if (!dynamic_hits) return 1;
  if (json) std::puts("[");
  for (size_t i = 0; i < threads.size(); ++i) {
    const std::vector<Row> rows = measure(threads[i], rounds, times);
    if (json) print_json(threads[i], rows, i + 1 == threads.size());
    else print(threads[i], rows);
  }
  if (json) std::puts("]");
  free_percpu(dynamic_hits);
}
