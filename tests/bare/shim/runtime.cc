// What the tests' standard headers ask for at link time: new and delete over the port's memory, a little of the C library, and
// the ends of what cannot be thrown.

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <new>
#include <thread>

#include "bare.h"
#include "port/port.h"

namespace {

/// Blocks by powers of two, which go back to lists of their own size; larger ones are pages, which go back to the port.
constexpr unsigned kClasses = 20;
/// In front of what begins inside a block, because it is aligned, with the block's address.
constexpr unsigned kInside = kClasses;
void* lists[kClasses];
char *fresh = nullptr, *fresh_end = nullptr;
bare::SpinLock lock;

unsigned class_of(size_t bytes) {
  unsigned c = 5;
  while ((size_t{1} << c) < bytes + 16) ++c;
  return c;
}

void* take_pages(size_t bytes) {
  const auto pages = static_cast<unsigned>((bytes + 16 + kmem::kPageSize - 1) / kmem::kPageSize);
  auto* block = static_cast<char*>(kmem_port_map(pages * kmem::kPageSize, kmem::kPageSize));
  if (!block) bare::panic("no memory for the tests");
  memcpy(block, &pages, sizeof pages);
  return block + 16;
}

void* take(size_t bytes) {
  if (bytes > (1 << (kClasses - 1)) - 16) return take_pages(bytes);
  const bare::Locked locked(lock);
  const unsigned c = class_of(bytes);
  if (void* p = lists[c]) {
    memcpy(&lists[c], p, sizeof p);
    return p;
  }
  const size_t whole = size_t{1} << c;
  if (static_cast<size_t>(fresh_end - fresh) < whole) {
    fresh = static_cast<char*>(kmem_port_map(1 << 20, kmem::kPageSize));
    if (!fresh) bare::panic("no memory for the tests");
    fresh_end = fresh + (1 << 20);
  }
  char* block = fresh;
  fresh += whole;
  memcpy(block, &c, sizeof c);
  return block + 16;
}

void give(void* p) {
  if (!p) return;
  unsigned c;
  memcpy(&c, static_cast<char*>(p) - 16, sizeof c);
  if (c == kInside) {
    memcpy(&p, static_cast<char*>(p) - 8, sizeof p);
    return give(p);
  }
  if (c > kInside) return kmem_port_unmap(static_cast<char*>(p) - 16, c * kmem::kPageSize);
  const bare::Locked locked(lock);
  memcpy(p, &lists[c], sizeof p);
  lists[c] = p;
}

}  // namespace

void* operator new(size_t bytes) { return take(bytes); }
void* operator new[](size_t bytes) { return take(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return take(bytes); }
void* operator new(size_t bytes, std::align_val_t align) {
  const size_t a = static_cast<size_t>(align);
  char* const block = static_cast<char*>(take(bytes + a));
  const uintptr_t at = reinterpret_cast<uintptr_t>(block);
  char* const aligned = block + (((at + a - 1) & ~(a - 1)) - at);
  if (aligned != block) {
    memcpy(aligned - 16, &kInside, sizeof kInside);
    memcpy(aligned - 8, &block, sizeof block);
  }
  return aligned;
}
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, size_t) noexcept { give(p); }
void operator delete[](void* p, size_t) noexcept { give(p); }
void operator delete(void* p, std::align_val_t) noexcept { give(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { give(p); }

namespace std {
void __throw_length_error(const char* what) { bare::panic("%s", what); }
void __throw_logic_error(const char* what) { bare::panic("%s", what); }
void __throw_out_of_range(const char* what) { bare::panic("%s", what); }
void __throw_out_of_range_fmt(const char* what, ...) { bare::panic("%s", what); }
void __throw_bad_alloc() { bare::panic("bad_alloc"); }
void __throw_bad_array_new_length() { bare::panic("bad_array_new_length"); }
void __throw_bad_function_call() { bare::panic("bad_function_call"); }
void __throw_bad_optional_access() { bare::panic("bad_optional_access"); }

// Threads are tasks of the port's.
struct thread::Start {
  Body* body;
  uint32_t ended;
};
void thread::begin() {
  start_ = new Start{body_, 0};
  const bool done = bare::spawn(
                        "test",
                        [](void* p) {
                          auto* s = static_cast<Start*>(p);
                          s->body->run();
                          __atomic_store_n(&s->ended, 1, __ATOMIC_RELEASE);
                          kmem_port_wake(&s->ended, 1);
                        },
                        start_) != nullptr;
  if (!done) bare::panic("no task for a thread of a test");
}
void thread::join() {
  while (!__atomic_load_n(&start_->ended, __ATOMIC_ACQUIRE)) kmem_port_wait(&start_->ended, 0, kmem::kForever);
  delete body_;
  delete start_;
  start_ = nullptr;
}
unsigned thread::hardware_concurrency() noexcept { return bare::firmware.nr_cpus; }
namespace this_thread {
void yield() noexcept { bare::schedule(); }
void sleep_ns(uint64_t ns) { bare::sleep_until(bare::now_ns() + ns); }
}  // namespace this_thread
}  // namespace std

extern "C" {

void* __dso_handle = nullptr;
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
void __cxa_pure_virtual() { bare::panic("a pure virtual function"); }
void abort() { bare::panic("abort()"); }
void __assert_fail(const char* what, const char* file, unsigned line, const char*) {
  bare::panic("%s:%u: %s", file, line, what);
}

size_t strlen(const char* text) {
  size_t n = 0;
  while (text[n]) ++n;
  return n;
}
int strcmp(const char* a, const char* b) {
  for (; *a && *a == *b; ++a, ++b) {
  }
  return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
}
int strncmp(const char* a, const char* b, size_t n) {
  for (; n && *a && *a == *b; ++a, ++b) --n;
  return n ? static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b) : 0;
}
char* find_char(const char* text, int c) __asm__("strchr");  // <string.h> has two of it in C++
char* find_char(const char* text, int c) {
  for (; *text != static_cast<char>(c); ++text)
    if (!*text) return nullptr;
  return const_cast<char*>(text);
}
char* find_text(const char* text, const char* part) __asm__("strstr");  // <string.h> has two of it in C++
char* find_text(const char* text, const char* part) {
  for (const size_t n = strlen(part); *text || !n; ++text)
    if (!strncmp(text, part, n)) return const_cast<char*>(text);
  return nullptr;
}
void* find_byte(const void* from, int c, size_t n) __asm__("memchr");  // <string.h> has two of it in C++
void* find_byte(const void* from, int c, size_t n) {
  auto* at = static_cast<const unsigned char*>(from);
  for (; n; --n, ++at)
    if (*at == static_cast<unsigned char>(c)) return const_cast<unsigned char*>(at);
  return nullptr;
}

void* malloc(size_t bytes) { return take(bytes); }
void free(void* p) { give(p); }
void* calloc(size_t n, size_t bytes) { return memset(take(n * bytes), 0, n * bytes); }
void* aligned_alloc(size_t align, size_t bytes) { return operator new (bytes, std::align_val_t{align}); }

void* mmap(void*, size_t bytes, int protection, int, int, off_t) noexcept {
  void* got = protection ? kmem_port_map(bytes, kmem::kPageSize) : kmem_port_window_reserve(bytes, kmem::kPageSize);
  if (!got) bare::say("# no %zu bytes of addresses, %ju frames of %ju\n", bytes, bare::pool.nr_free(), bare::pool.nr());
  return got ? got : MAP_FAILED;
}
int munmap(void* at, size_t bytes) noexcept {
  kmem_port_unmap(at, bytes);
  return 0;
}

// No host is asked here: what needs one is skipped.
int mincore(void*, size_t, unsigned char*) noexcept { return -1; }
int prctl(int, ...) noexcept { return -1; }
long sysconf(int) noexcept { return -1; }

int sched_getaffinity(pid_t, size_t bytes, cpu_set_t* set) noexcept {
  memset(set, 0, bytes);
  for (uint32_t cpu = 0; cpu < bare::firmware.nr_cpus; ++cpu) CPU_SET(cpu, set);
  return 0;
}
int sched_setaffinity(pid_t, size_t, const cpu_set_t* set) noexcept {
  for (uint32_t cpu = 0; cpu < bare::firmware.nr_cpus; ++cpu)
    if (CPU_ISSET(cpu, set)) {
      bare::pin_task(static_cast<int>(cpu));
      return 0;
    }
  return -1;
}
int* __errno_location() noexcept {
  static int number;
  return &number;
}
int clock_gettime(clockid_t, timespec* now) noexcept {
  const uint64_t ns = bare::now_ns();
  *now = {static_cast<time_t>(ns / 1000000000), static_cast<long>(ns % 1000000000)};
  return 0;
}
int sched_yield() noexcept { return bare::schedule(), 0; }
int sched_getcpu() noexcept { return static_cast<int>(bare::this_cpu_id()); }
int __sched_cpucount(size_t bytes, const cpu_set_t* set) noexcept {
  int n = 0;
  for (size_t i = 0; i < bytes * 8; ++i) n += CPU_ISSET(i, set) ? 1 : 0;
  return n;
}
}
