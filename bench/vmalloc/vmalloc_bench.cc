// What vmalloc() + touch + vfree() costs beside mmap() + touch + munmap() of the host, as a ratio in one run.
//
//   fresh      nothing is kept: each area is new, its frames hold nothing of the host's
//   resident   new areas too, but the frames were used before and are still resident, in runs of 16 and more
//   reuse      an area of that size was freed just before: what a program sees that allocates in a loop
//   scattered  new areas over single frames: every other frame belongs to somebody else
//
// "touch" writes one byte in every 4 KiB.  Host and vmalloc alternate, so that a change of the machine's pace meets both; a
// ratio is the median of the rounds.  Read the ratios: the times are this machine's.
//
//   --malloc    malloc() + touch + free() of whatever malloc is loaded: for LD_PRELOAD; see bench/vmalloc/run
//   --areas     100,000 live areas: the first against the last, one thread against eight

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kKiB = 1024, kMiB = 1024 * kKiB;

struct Options {
  bool json = false, areas = false, malloc = false;
  double seconds = 0.2;  // for each figure
  size_t largest = 1024 * kMiB;
  size_t nr_areas = 100000;
};

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void touch(void* p, size_t bytes) {
  auto* at = static_cast<volatile char*>(p);
  for (size_t i = 0; i < bytes; i += PAGE_SIZE) at[i] = 1;
}

template <typename F>
double time_of(F f) {
  const double start = now();
  f();
  return now() - start;
}

double median(std::vector<double> v) {
  if (v.empty()) return 0;
  std::nth_element(v.begin(), v.begin() + static_cast<long>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

void host(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) abort();
  touch(p, bytes);
  munmap(p, bytes);
}

void kmem_once(size_t bytes) {
  void* p = vmalloc(bytes);
  if (!p) abort();
  touch(p, bytes);
  vfree(p);
}

/// Leaves as much dirty free memory behind as the zone keeps, in blocks of 64 KiB.
void make_resident(size_t bytes) {
  std::vector<struct page*> blocks;
  for (size_t done = 0; done < bytes; done += PAGE_SIZE << 4) {
    struct page* block = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 4);
    if (!block) break;
    touch(page_address(block), PAGE_SIZE << 4);
    blocks.push_back(block);
  }
  for (struct page* block : blocks) __free_pages(block, 4);
}

struct Row {
  size_t bytes;
  const char* how;
  double host_us, kmem_us, ratio;
};

template <typename Prepare>
Row measure(size_t bytes, const char* how, double seconds, Prepare prepare) {
  std::vector<double> hosts, kmems, ratios;
  prepare();
  kmem_once(bytes);
  kmem_once(bytes);
  host(bytes);
  for (const double end = now() + seconds; now() < end || ratios.size() < 3;) {
    prepare();
    const double k = time_of([&] { kmem_once(bytes); });
    const double h = time_of([&] { host(bytes); });
    hosts.push_back(h * 1e6);
    kmems.push_back(k * 1e6);
    ratios.push_back(k / h);
  }
  return {bytes, how, median(hosts), median(kmems), median(ratios)};
}

std::string name_of(size_t bytes) {
  return bytes >= kMiB ? std::to_string(bytes / kMiB) + " MiB" : std::to_string(bytes / kKiB) + " KiB";
}

/// Every other frame of a stretch of memory is held; its neighbours are free.
struct Scattered {
  explicit Scattered(size_t bytes) {
    std::vector<struct page*> all(2 * bytes / PAGE_SIZE);
    for (auto& page : all) page = alloc_page(GFP_KERNEL);
    for (size_t i = 0; i < all.size(); ++i) {
      if (!all[i]) continue;
      if (page_to_pfn(all[i]) % 2) held.push_back(all[i]);
      else __free_page(all[i]);
    }
  }
  ~Scattered() {
    for (struct page* page : held) __free_page(page);
  }
  std::vector<struct page*> held;
};

std::vector<Row> measure_all(const Options& options) {
  std::vector<Row> rows;
  for (size_t bytes = 64 * kKiB; bytes <= options.largest; bytes *= 4) {
    if (!options.json) fprintf(stderr, "vmalloc-bench: %s\n", name_of(bytes).c_str());
    rows.push_back(measure(bytes, "fresh", options.seconds, [] { vm_unmap_aliases(); }));
    rows.push_back(measure(bytes, "resident", options.seconds, [&] { vm_unmap_aliases(), make_resident(bytes); }));
    rows.push_back(measure(bytes, "reuse", options.seconds, [] {}));
    if (bytes <= 64 * kMiB) {
      Scattered around(64 * kMiB);
      rows.push_back(measure(bytes, "scattered", options.seconds, [] { vm_unmap_aliases(); }));
    }
    vm_unmap_aliases();
  }
  return rows;
}

void show(const std::vector<Row>& rows, bool json) {
  if (json) {
    printf("{\"benchmark\":\"vmalloc\",\"rows\":[");
    for (const Row& r : rows)
      printf("%s{\"bytes\":%zu,\"how\":\"%s\",\"host_us\":%.2f,\"kmem_us\":%.2f,\"ratio\":%.4f}", &r == rows.data() ? "" : ",",
             r.bytes, r.how, r.host_us, r.kmem_us, r.ratio);
    printf("]}\n");
    return;
  }
  printf("%-9s %-10s %12s %12s %8s\n", "size", "how", "mmap us", "vmalloc us", "ratio");
  for (const Row& r : rows)
    printf("%-9s %-10s %12.1f %12.1f %8.3f\n", name_of(r.bytes).c_str(), r.how, r.host_us, r.kmem_us, r.ratio);
}

// malloc of a peer ----------------------------------------------------------------------------------------------------

void measure_malloc(const Options& options) {
  printf("{\"benchmark\":\"malloc\",\"rows\":[");
  for (size_t bytes = 64 * kKiB; bytes <= options.largest; bytes *= 4) {
    std::vector<double> hosts, mallocs, ratios;
    for (const double end = now() + options.seconds; now() < end || ratios.size() < 3;) {
      const double m = time_of([&] {
        void* p = malloc(bytes);
        if (!p) abort();
        touch(p, bytes);
        free(p);
      });
      const double h = time_of([&] { host(bytes); });
      mallocs.push_back(m * 1e6);
      hosts.push_back(h * 1e6);
      ratios.push_back(m / h);
    }
    printf("%s{\"bytes\":%zu,\"host_us\":%.2f,\"malloc_us\":%.2f,\"ratio\":%.4f}", bytes == 64 * kKiB ? "" : ",", bytes,
           median(hosts), median(mallocs), median(ratios));
  }
  printf("]}\n");
}

// Many areas ----------------------------------------------------------------------------------------------------------

/// Pairs of vfree and vmalloc per second, of `nr_threads` that share what is live.
double throughput(std::vector<void*>& live, unsigned nr_threads, double seconds) {
  std::vector<std::thread> threads;
  std::vector<size_t> pairs(nr_threads * 16);
  const double end = now() + seconds;
  for (unsigned t = 0; t < nr_threads; ++t)
    threads.emplace_back([&, t] {
      const size_t share = live.size() / nr_threads;
      uint64_t draw = t + 1;
      size_t n = 0;
      for (; (n & 63) || now() < end; ++n) {
        draw = draw * 6364136223846793005u + 1442695040888963407u;
        void*& p = live[t * share + (draw >> 33) % share];
        vfree(p);
        p = vmalloc(PAGE_SIZE * (1 + (draw >> 60) % 2));
        *static_cast<volatile char*>(p) = 1;
      }
      pairs[t * 16] = n;
    });
  for (std::thread& thread : threads) thread.join();
  size_t sum = 0;
  for (const size_t n : pairs) sum += n;
  return static_cast<double>(sum) / seconds;
}

void measure_areas(const Options& options) {
  std::vector<void*> live;
  const size_t tenth = options.nr_areas / 10;
  const auto add = [&](size_t n) {
    return time_of([&] {
             while (n--) live.push_back(vmalloc(PAGE_SIZE * (1 + n % 2)));
           }) /
           static_cast<double>(tenth) * 1e6;
  };
  const double first = add(tenth);
  for (int i = 0; i < 8; ++i) add(tenth);
  const double last = add(tenth);
  std::vector<double> ones, eights;
  for (int i = 0; i < 5; ++i) {
    ones.push_back(throughput(live, 1, options.seconds));
    eights.push_back(throughput(live, 8, options.seconds));
  }
  const double one = median(ones), eight = median(eights);
  for (void* p : live) vfree(p);
  if (options.json)
    printf(
        "{\"benchmark\":\"areas\",\"live\":%zu,\"first_us\":%.3f,\"last_us\":%.3f,\"slower\":%.3f,\"one_thread\":%.0f,\"eight_threads\":%.0f,"
        "\"speedup\":%.3f}\n",
        options.nr_areas, first, last, last / first, one, eight, eight / one);
  else
    printf(
        "%zu live areas\n  the first tenth  %8.2f us each\n  the last tenth   %8.2f us each   %.2f times the first (at most 2)\n"
        "  vfree + vmalloc  %8.0f a second by one thread\n                   %8.0f a second by eight   %.2f times one (at least 1)\n",
        options.nr_areas, first, last, last / first, one, eight, eight / one);
}

[[noreturn]] void help(int status) {
  fprintf(status ? stderr : stdout,
          "usage: vmalloc-bench [--json] [--seconds S] [--largest MIB] [--areas | --malloc]\n"
          "Measures vmalloc + touch + vfree beside mmap + touch + munmap of the host, 64 KiB to 1 GiB.\n\n"
          "  --seconds S    for each figure (0.2)\n"
          "  --largest MIB  the largest size (1024)\n"
          "  --areas        100,000 live areas instead: does the next one get slower, do threads get in each other's way\n"
          "  --nr N         so many areas instead of 100,000\n"
          "  --malloc       malloc + touch + free instead, of the malloc that is loaded; always JSON\n"
          "  --json         figures for programs\n\n"
          "examples:\n"
          "  vmalloc-bench                                  the table, about half a minute\n"
          "  vmalloc-bench --largest 64 --seconds 0.05      a quick look\n"
          "  LD_PRELOAD=libjemalloc.so.2 vmalloc-bench --malloc\n"
          "  bench/vmalloc/run                              all of it, and every peer's malloc\n");
  exit(status);
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return ++i < argc ? atof(argv[i]) : (help(2), 0.0); };
    if (word == "--help" || word == "-h") help(0);
    else if (word == "--json") o.json = true;
    else if (word == "--areas") o.areas = true;
    else if (word == "--malloc") o.malloc = true;
    else if (word == "--seconds") o.seconds = value();
    else if (word == "--largest") o.largest = static_cast<size_t>(value()) * kMiB;
    else if (word == "--nr") o.nr_areas = static_cast<size_t>(value());
    else help(2);
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.malloc) measure_malloc(options);
  else if (options.areas) measure_areas(options);
  else show(measure_all(options), options.json);
}
