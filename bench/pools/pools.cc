// Fixed-size objects: kmem's caches and pools against DPDK's mempool, in one program, interleaved.

#include <linux/mempool.h>
#include <linux/slab.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#ifdef KMEM_BENCH_DPDK
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#endif

namespace {

constexpr size_t kObject = 64;
constexpr unsigned kBatch = 1000, kBulk = 32;
using Clock = std::chrono::steady_clock;

/// What is measured: functions that the compiler sees, so that no subject pays for a call that another one does not.
struct Malloc {
  static constexpr const char* kName = "malloc (kmem's)";
  void* get() { return malloc(kObject); }
  void put(void* p) { free(p); }
};

void construct(void* object) { *static_cast<long*>(object) = 1; }

struct CacheSubject {
  explicit CacheSubject(void (*constructor)(void*))
      : cache((kmem_cache_create)("bench_pools", kObject, 0, SLAB_NO_MERGE, constructor)) {}
  ~CacheSubject() { kmem_cache_destroy(cache); }
  void* get() { return kmem_cache_alloc(cache, GFP_KERNEL); }
  void put(void* p) { kmem_cache_free(cache, p); }
  bool get_bulk(void** p, unsigned n) { return kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, p) != 0; }
  void put_bulk(void** p, unsigned n) { kmem_cache_free_bulk(cache, n, p); }
  kmem_cache* cache;
};
struct Cache : CacheSubject {
  static constexpr const char* kName = "kmem_cache";
  Cache() : CacheSubject(nullptr) {}
};
struct ConstructedCache : CacheSubject {
  static constexpr const char* kName = "kmem_cache with constructor";
  ConstructedCache() : CacheSubject(construct) {}
};
struct Kmalloc {
  static constexpr const char* kName = "kmalloc";
  void* get() { return kmalloc(kObject, GFP_KERNEL); }
  void put(void* p) { kfree(p); }
};
struct Mempool {
  static constexpr const char* kName = "mempool over kmem_cache";
  void* get() { return mempool_alloc(pool, GFP_KERNEL); }
  void put(void* p) { mempool_free(p, pool); }
  ~Mempool() { mempool_destroy(pool); }
  Cache cache;
  mempool_t* pool = mempool_create_slab_pool(16, cache.cache);
};

#ifdef KMEM_BENCH_DPDK
constexpr unsigned kPoolObjects = 1 << 18;
struct Dpdk {
  static constexpr const char* kName = "DPDK mempool, cache of 512";
  explicit Dpdk(unsigned objects = kPoolObjects) {
    pool = rte_mempool_create("bench", objects - 1, kObject, 512, 0, nullptr, nullptr, nullptr, nullptr, SOCKET_ID_ANY, 0);
    if (!pool) fprintf(stderr, "pools: DPDK's mempool: %s\n", rte_strerror(rte_errno)), exit(1);
  }
  ~Dpdk() { rte_mempool_free(pool); }
  void* get() {
    void* p = nullptr;
    rte_mempool_get(pool, &p);
    return p;
  }
  void put(void* p) { rte_mempool_put(pool, p); }
  bool get_bulk(void** p, unsigned n) { return rte_mempool_get_bulk(pool, p, n) == 0; }
  void put_bulk(void** p, unsigned n) { rte_mempool_put_bulk(pool, p, n); }
  rte_mempool* pool;
};
bool dpdk_up = false;
#endif

/// DPDK gives its per-thread caches to threads that it knows.
void enter_thread(unsigned cpu) {
  cpu_set_t all, one;
  CPU_ZERO(&one);
  sched_getaffinity(0, sizeof all, &all);
  unsigned seen = 0;
  const unsigned wanted = cpu % static_cast<unsigned>(CPU_COUNT(&all));
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &all) && seen++ == wanted) CPU_SET(i, &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
#ifdef KMEM_BENCH_DPDK
  if (dpdk_up && rte_lcore_id() == LCORE_ID_ANY) rte_thread_register();
#endif
}
void leave_thread() {
#ifdef KMEM_BENCH_DPDK
  if (dpdk_up) rte_thread_unregister();
#endif
}

/// On a busy machine the other thread may not run: let it.
struct Patience {
  unsigned spins = 0;
  void wait() {
    if (++spins % 4096) __builtin_ia32_pause();
    else std::this_thread::yield();
  }
};

/// What one thread does by itself is measured in its CPU time: others who use the machine then disturb less.
double cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}
double ns_since(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

template <typename S>
double pair(S& s, uint64_t work) {
  const double start = cpu_ns();
  for (uint64_t i = 0; i < work; ++i) {
    void* p = s.get();
    asm volatile("" : : "r"(p) : "memory");
    s.put(p);
  }
  return (cpu_ns() - start) / static_cast<double>(work);
}

template <typename S>
double batch(S& s, uint64_t work) {
  std::vector<void*> held(kBatch);
  const uint64_t rounds = work / kBatch + 1;
  const double start = cpu_ns();
  for (uint64_t i = 0; i < rounds; ++i) {
    for (void*& p : held) p = s.get();
    for (void* p : held) s.put(p);
  }
  return (cpu_ns() - start) / static_cast<double>(rounds * kBatch);
}

template <typename S>
double bulk(S& s, uint64_t work) {
  void* held[kBulk];
  const uint64_t rounds = work / kBulk + 1;
  const double start = cpu_ns();
  for (uint64_t i = 0; i < rounds; ++i) {
    if (!s.get_bulk(held, kBulk)) abort();
    asm volatile("" : : "r"(held) : "memory");
    s.put_bulk(held, kBulk);
  }
  return (cpu_ns() - start) / static_cast<double>(rounds * kBulk);
}

template <typename S>
double two_threads(S& s, uint64_t work) {
  double ns[2];
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < 2; ++k)
    threads.emplace_back([&, k] {
      enter_thread(k);
      batch(s, kBatch);
      Patience patience;
      for (++ready; ready < 2;) patience.wait();
      ns[k] = batch(s, work);
      leave_thread();
    });
  for (auto& thread : threads) thread.join();
  return (ns[0] + ns[1]) / 2;
}

/// One thread takes, the other gives back what comes through a ring; per object, the ring's price included.
template <typename S>
double producer_to_consumer(S& s, uint64_t work) {
  constexpr uint64_t kRing = 1024, kStep = 64;
  static void* ring[kRing];
  alignas(128) std::atomic<uint64_t> filled{0};
  alignas(128) std::atomic<uint64_t> emptied{0};
  std::thread consumer([&] {
    enter_thread(1);
    Patience patience;
    for (uint64_t at = 0; at < work;) {
      const uint64_t end = filled.load(std::memory_order_acquire);
      if (at == end) patience.wait();
      for (; at < end; ++at) s.put(ring[at % kRing]);
      emptied.store(at, std::memory_order_release);
    }
    leave_thread();
  });
  enter_thread(0);
  Patience patience;
  const auto start = Clock::now();
  for (uint64_t at = 0; at < work;) {
    while (at - emptied.load(std::memory_order_acquire) > kRing - kStep) patience.wait();
    for (uint64_t i = 0; i < kStep && at < work; ++i, ++at) {
      do ring[at % kRing] = s.get();
      while (!ring[at % kRing]);
    }
    filled.store(at, std::memory_order_release);
  }
  consumer.join();
  return ns_since(start) / static_cast<double>(work);
}

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

/// Resident memory that objects bring, each of them touched, by the number of them.
template <typename S>
double bytes_per_object(uint64_t objects, std::function<std::unique_ptr<S>()> make) {
  std::vector<void*> held(objects);
  memset(held.data(), 1, objects * sizeof(void*));
  const size_t before = resident_bytes();
  auto subject = make();
  for (void*& p : held) {
    p = subject->get();
    if (!p) abort();
    memset(p, 1, kObject);
  }
  const double bytes = static_cast<double>(resident_bytes() - before) / static_cast<double>(objects);
  for (void* p : held) subject->put(p);
  return bytes;
}

struct Row {
  std::string subject;
  std::string what;
  std::vector<double> figures;
  double median() const {
    std::vector<double> sorted = figures;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

class Table {
 public:
  template <typename F>
  void measure(const std::string& subject, const std::string& what, F f) {
    for (Row& row : rows_)
      if (row.subject == subject && row.what == what) return row.figures.push_back(f());
    rows_.push_back({subject, what, {f()}});
  }
  void print() const;
  nlohmann::json json() const;

 private:
  const Row* find(const std::string& subject, const std::string& what) const {
    for (const Row& row : rows_)
      if (row.subject == subject && row.what == what) return &row;
    return nullptr;
  }
  std::vector<Row> rows_;
};

const std::vector<std::string> kColumns = {"pair", "batch of 1000", "bulk of 32", "2 threads", "producer to consumer", "bytes"};

void Table::print() const {
  std::vector<std::string> subjects;
  for (const Row& row : rows_)
    if (std::find(subjects.begin(), subjects.end(), row.subject) == subjects.end()) subjects.push_back(row.subject);
  printf("ns per object taken and given back (bytes: resident per object of %zu), median [min-max]\n\n%-28s", kObject, "");
  for (const auto& column : kColumns) printf(" %22s", column.c_str());
  printf("\n");
  for (const auto& subject : subjects) {
    printf("%-28s", subject.c_str());
    for (const auto& column : kColumns) {
      const Row* row = find(subject, column);
      if (!row) {
        printf(" %22s", "-");
        continue;
      }
      const auto [least, most] = std::minmax_element(row->figures.begin(), row->figures.end());
      char text[64];
      snprintf(text, sizeof text, "%.2f [%.2f-%.2f]", row->median(), *least, *most);
      printf(" %22s", text);
    }
    printf("\n");
  }
  const std::string dpdk = "DPDK mempool, cache of 512";
  for (const auto& column : kColumns)
    if (const Row* ours = find("kmem_cache", column), *theirs = find(dpdk, column); ours && theirs)
      printf("%s%s: %.2f of DPDK's", column == kColumns[0] ? "\nkmem_cache, " : ", ", column.c_str(),
             ours->median() / theirs->median());
  printf("\n");
}

nlohmann::json Table::json() const {
  nlohmann::json all = nlohmann::json::array();
  for (const Row& row : rows_)
    all.push_back({{"subject", row.subject}, {"what", row.what}, {"median", row.median()}, {"runs", row.figures}});
  return all;
}

template <typename S>
void single_patterns(Table& table, S& s, uint64_t work) {
  const auto run = [&](const char* what, double (*pattern)(S&, uint64_t), uint64_t n) {
    table.measure(S::kName, what, [&] { return pattern(s, n); });
  };
  pair(s, 1000);
  run("pair", pair<S>, work);
  run("batch of 1000", batch<S>, work);
  if constexpr (requires(void** p) { s.get_bulk(p, 1u); }) run("bulk of 32", bulk<S>, 4 * work);
  run("2 threads", two_threads<S>, work);
  run("producer to consumer", producer_to_consumer<S>, work);
}

#ifdef KMEM_BENCH_DPDK
bool start_dpdk() {
  const char* arguments[] = {"pools", "--no-huge", "--no-shconf",   "--no-pci", "--no-telemetry",
                             "-m",    "256",       "--log-level=3", "-l",       "0"};
  std::vector<char*> argv;
  for (const char* a : arguments) argv.push_back(const_cast<char*>(a));
  dpdk_up = rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  return dpdk_up;
}
#endif

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures kmem's caches and pools against DPDK's mempool, in one run, interleaved.");
  app.footer(
      "examples:\n  pools                       the table\n  pools --quick               a look\n  pools --json "
      "pools.json     and all figures\n");
  unsigned rounds = 5;
  uint64_t work = 3000000;
  bool quick = false;
  std::string json;
  app.add_option("--rounds", rounds, "interleaved rounds")->check(CLI::Range(1, 1000));
  app.add_option("--work", work, "objects in each measurement");
  app.add_flag("--quick", quick, "one round of little work");
  app.add_option("--json", json, "write all figures to this file");
  CLI11_PARSE(app, argc, argv);
  if (quick) rounds = 1, work = 100000;

#ifdef KMEM_BENCH_DPDK
  if (!start_dpdk()) fprintf(stderr, "pools: DPDK does not start here (%s); left out\n", rte_strerror(rte_errno));
#else
  fprintf(stderr, "pools: DPDK is not installed (apt-get install libdpdk-dev); left out\n");
#endif
  enter_thread(0);
  Table table;
  for (unsigned round = 0; round < rounds; ++round) {
    fprintf(stderr, "pools: round %u of %u\n", round + 1, rounds);
    Malloc heap;
    Kmalloc kmalloc_subject;
    single_patterns(table, heap, work);
    single_patterns(table, kmalloc_subject, work);
    {
      Cache cache;
      single_patterns(table, cache, work);
    }
    {
      ConstructedCache cache;
      single_patterns(table, cache, work);
    }
    {
      Mempool pool;
      single_patterns(table, pool, work);
    }
    const uint64_t objects = quick ? 20000 : 200000;
    table.measure(Cache::kName, "bytes",
                  [&] { return bytes_per_object<Cache>(objects, [] { return std::make_unique<Cache>(); }); });
#ifdef KMEM_BENCH_DPDK
    if (dpdk_up) {
      {
        Dpdk dpdk;
        single_patterns(table, dpdk, work);
      }
      // Its heap is resident from the start: what an object takes of it is what the pool says.
      table.measure(Dpdk::kName, "bytes", [] {
        const Dpdk dpdk(1024);
        return static_cast<double>(dpdk.pool->header_size + dpdk.pool->elt_size + dpdk.pool->trailer_size);
      });
    }
#endif
  }
  table.print();
  if (!json.empty()) std::ofstream(json) << table.json().dump(2) << "\n";
  return 0;
}
