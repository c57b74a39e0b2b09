// SLAB_HARDENED: one cache, pool or C++ type is checked, and a cache beside it is not.  Each mistake is made in a child, once
// with an object of a hardened cache and once with one of a plain cache.
#include <linux/mempool.h>
#include <linux/slab.h>
#include <kmem/kmem.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include "check.h"

namespace {

constexpr size_t kSize = 60;
constexpr char kWrong = 2;  // every byte of a canary is odd, so none is this by chance
struct Secret {
  char bytes[kSize];
};
struct Plain {
  char bytes[kSize];
};

}  // namespace

template <>
inline constexpr slab_flags_t kmem::flags_of_type<Secret> = SLAB_HARDENED;

namespace {

/// A place that the compiler knows nothing about.
volatile char* at(void* p) {
  asm volatile("" : "+r"(p) : : "memory");
  return static_cast<volatile char*>(p);
}

/// The mistakes, with what allocates, frees, and makes the allocator look at what is free.
template <typename From>
void free_twice(From& from) {
  void *a = from.take(), *b = from.take();
  from.give(a), from.give(b), from.give(a);
}
template <typename From>
void write_after_free(From& from) {
  void* p = from.take();
  from.give(p);
  at(p)[20] = kWrong;
  from.look();
}
template <typename From>
void write_past_end(From& from) {
  void* p = from.take();
  at(p)[kSize] = kWrong;
  from.give(p);
}
template <typename From>
void write_in_front(From& from) {
  void* p = from.take();
  at(p)[-1] = kWrong;
  from.give(p);
}

/// By the kernel's names.
struct FromCache {
  explicit FromCache(slab_flags_t flags)
      : cache((kmem_cache_create)(flags ? "flagged" : "plain", kSize, 0, flags | SLAB_NO_MERGE, nullptr)) {}
  void* take() { return kmem_cache_alloc(cache, GFP_KERNEL); }
  void give(void* p) { kmem_cache_free(cache, p); }
  void look() { kmem_cache_shrink(cache), (void)take(); }
  struct kmem_cache* cache;
};
/// A reserve of 8, which is empty where the mistake is made.
struct FromPool {
  explicit FromPool(slab_flags_t flags) : from(flags), pool(mempool_create_slab_pool(8, from.cache)) {
    for (void*& p : out) p = mempool_alloc_preallocated(pool);
  }
  void* take() { return mempool_alloc(pool, GFP_KERNEL); }
  void give(void* p) { mempool_free(p, pool); }
  void look() {
    while (mempool_alloc_preallocated(pool)) {
    }
  }
  FromCache from;
  mempool_t* pool;
  void* out[8];
};
template <typename T>
struct FromType {
  void* take() { return cache.make().release(); }
  void give(void* p) { typename kmem::cache<T>::handle(static_cast<T*>(p), typename kmem::cache<T>::deleter(cache.native())); }
  void look() { cache.shrink(), (void)take(); }
  kmem::cache<T> cache{sizeof(T) && kmem::flags_of_type<T> ? "flagged" : "plain", SLAB_NO_MERGE};
};

struct Ended {
  int status = 0;
  std::string said;
};
template <typename F>
Ended in_child(F act) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  if (!child) {
    dup2(ends[1], 2);
    act();
    _exit(0);
  }
  close(ends[1]);
  Ended ended;
  char part[4096];
  for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) ended.said.append(part, static_cast<size_t>(n));
  close(ends[0]);
  CHECK(waitpid(child, &ended.status, 0) == child);
  return ended;
}

bool goes_on;  // oops=continue

template <typename F>
void found(const char* mistake, F act) {
  const Ended ended = in_child(act);
  const bool ends = goes_on ? ended.status == 0 : WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGABRT;
  if (ends && ended.said.find("flagged") + ended.said.find("mempool") < 2 * std::string::npos) return;
  printf("%s: status %#x: %s\n", mistake, ended.status, ended.said.c_str()), ++failures;
}
template <typename F>
void not_looked_at(const char* mistake, F act) {
  const Ended ended = in_child(act);
  if (ended.status == 0 && ended.said.empty()) return;
  printf("%s in a plain cache: status %#x: %s\n", mistake, ended.status, ended.said.c_str()), ++failures;
}

// What they are made with is not destroyed: that would look at the objects.
#define FOUND(mistake, Flagged) found(#mistake " " #Flagged, [] { mistake(*new Flagged); })
#define TRY(mistake, Flagged, PlainOne) \
  FOUND(mistake, Flagged);              \
  not_looked_at(#mistake " " #PlainOne, [] { mistake(*new PlainOne); })

struct HardenedCache : FromCache {
  HardenedCache() : FromCache(SLAB_HARDENED) {}
};
struct PlainCache : FromCache {
  PlainCache() : FromCache(0) {}
};
struct HardenedPool : FromPool {
  HardenedPool() : FromPool(SLAB_HARDENED) {}
};
struct PlainPool : FromPool {
  PlainPool() : FromPool(0) {}
};

void each_mistake() {
  TRY(free_twice, HardenedCache, PlainCache);
  TRY(write_after_free, HardenedCache, PlainCache);
  TRY(write_past_end, HardenedCache, PlainCache);
  FOUND(write_in_front, HardenedCache);  // in front of a plain one there may be no memory
  TRY(free_twice, FromType<Secret>, FromType<Plain>);
  TRY(write_after_free, FromType<Secret>, FromType<Plain>);
  TRY(write_past_end, FromType<Secret>, FromType<Plain>);
  TRY(write_after_free, HardenedPool, PlainPool);
  TRY(write_past_end, HardenedPool, PlainPool);
  FOUND(write_in_front, HardenedPool);
  FOUND(free_twice, HardenedPool);  // of an element in the reserve, which is found in any pool, but does not end the process
}

/// What was freed waits: it is not among the next hundred.
void is_not_given_again_soon() {
  FromCache from(SLAB_HARDENED);
  void* p = from.take();
  from.give(p);
  for (int i = 0; i < 100; ++i) CHECK(from.take() != p);
}

/// The distances between objects are many.
void comes_in_random_order() {
  FromCache from(SLAB_HARDENED);
  std::set<long> distances;
  const char* last = static_cast<char*>(from.take());
  for (int i = 0; i < 100; ++i) {
    const char* next = static_cast<char*>(from.take());
    distances.insert(next - last);
    last = next;
  }
  CHECK(distances.size() > 20);
}

/// The report tells nothing of what an object holds.
void shows_no_contents() {
  const Ended ended = in_child([] {
    FromCache from(SLAB_HARDENED);
    void* p = from.take();
    memset(p, 's', kSize);
    at(p)[kSize] = kWrong;
    from.give(p);
  });
  CHECK(ended.said.find("flagged") != std::string::npos);
  CHECK(ended.said.find("73 73") == std::string::npos && ended.said.find("ssss") == std::string::npos);
}

void merges_with_no_other() {
  struct kmem_cache* one = (kmem_cache_create)("one", kSize, 0, SLAB_HARDENED, nullptr);
  struct kmem_cache* two = (kmem_cache_create)("two", kSize, 0, SLAB_HARDENED, nullptr);
  CHECK(one && two && one != two);
  kmem_cache_destroy(one), kmem_cache_destroy(two);
}

}  // namespace

// With the boot words that each run has; without samples, which find mistakes in any cache.
int main(int argc, char** argv) {
  if (argc > 1) {
    goes_on = strstr(argv[1], "continue");
    each_mistake();
    is_not_given_again_soon();
    comes_in_random_order();
    shows_no_contents();
    merges_with_no_other();
    return failures != 0;
  }
  for (const char* words : {"kfence.sample_interval=0", "kfence.sample_interval=0 oops=continue"}) {
    const pid_t child = fork();
    if (!child) {
      setenv("KMEM", words, 1);
      execl("/proc/self/exe", argv[0], words, static_cast<char*>(nullptr));
      _exit(9);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (failures) return printf("with KMEM=%s\n", words), 1;
  }
  return 0;
}
