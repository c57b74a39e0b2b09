// kmem_port_*: what happens, in terms of Linux system calls.

#include "port/port.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <time.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "address_space.h"
#include "linux_port.h"
#include "port/cpu_stack.h"
#include "port/machine.h"
#include "port/task.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace linux_port {
uint32_t nr_cpus = 1;
size_t host_page = kmem::kPageSize;
bool huge_pages = true;

namespace {

char boot_words[1024];

/// The value of KMEM in the environment.  Before libc's own start `environ` is empty, and the kernel's copy serves.
const char* find_boot_words() {
  if (getauxval(AT_SECURE)) return "";
  if (environ && *environ) {
    const char* words = getenv("KMEM");
    if (words) strncpy(boot_words, words, sizeof boot_words - 1);
    return boot_words;
  }
  static char block[8192];
  const size_t n = read_file("/proc/self/environ", block, sizeof block);
  for (size_t at = 0; at < n; at += strlen(block + at) + 1)
    if (!strncmp(block + at, "KMEM=", 5)) strncpy(boot_words, block + at + 5, sizeof boot_words - 1);
  return boot_words;
}

/// alias=1 decides what the arena is made of, before the core reads the words; the last one counts there too.
bool says_alias(const char* words) {
  bool on = false;
  for (const char* at = words; (at = strstr(at, "alias")); at += 5) {
    if (at != words && at[-1] != ' ') continue;
    if (at[5] == 0 || at[5] == ' ') on = true;
    else if (at[5] == '=') on = at[6] == '1' || at[6] == 'y' || at[6] == 'Y' || !strncmp(at + 6, "on", 2) || !strncmp(at + 6, "true", 4);
  }
  return on;
}

}  // namespace
}  // namespace linux_port

extern "C" {

bool kmem_port_boot(kmem::Machine* machine) {
  using namespace linux_port;
  for (OwnRange& range : own_ranges) range = {};
  host_page = static_cast<size_t>(getauxval(AT_PAGESZ));
  if (host_page < kmem::kPageSize) host_page = kmem::kPageSize;
  machine->host_page_bytes = static_cast<uint32_t>(host_page);
  machine->command_line = find_boot_words();
  huge_pages = !strstr(machine->command_line, "thp=off") && !strstr(machine->command_line, "thp=0");
  machine->can_alias = says_alias(machine->command_line);
  nr_cpus = machine->nr_cpus = possible_cpus();
  machine->physical_bytes =
      physical_bytes(!strstr(machine->command_line, "cgroup=off") && !strstr(machine->command_line, "cgroup=0"), machine->limited);
  machine->cpu_stack = __rseq_size ? kmem::CpuStackMode::Rseq : kmem::CpuStackMode::TryLock;
  kmem_rseq_offset = __rseq_offset;
  machine->catches_accesses = true;
  machine->checker = find_checker();
  find_restorer();
  if (lay_out_address_space(*machine)) return true;
  static const char text[] = "kmem: no address space is left for a heap; raise the limit (ulimit -v)\n";
  kmem_port_log(text, sizeof text - 1);
  return false;
}

// Huge pages come block by block, by kmem_port_huge(), and not because the host likes them everywhere.
bool kmem_port_online(void* address, size_t bytes) {
  const linux_port::KeepErrno keep;
  if (!linux_port::open_pages(address, bytes)) return false;
  madvise(address, bytes, MADV_NOHUGEPAGE);
  return true;
}

bool kmem_port_discard(void* address, size_t bytes) {
  const linux_port::KeepErrno keep;
  const auto at = reinterpret_cast<uintptr_t>(address);
  if (((at | bytes) & (linux_port::host_page - 1)) != 0) return false;
  return madvise(address, bytes, linux_port::is_shared(address) ? MADV_REMOVE : MADV_DONTNEED) == 0;
}

void kmem_port_populate(void* address, size_t bytes) {
  const linux_port::KeepErrno keep;
  madvise(address, bytes, MADV_POPULATE_WRITE);
}

// The advice is taken back at once: else khugepaged would fill what is given back of the block again.
void kmem_port_huge(void* address, size_t bytes, void* place) {
  const linux_port::KeepErrno keep;
  if (!linux_port::huge_pages || linux_port::is_shared(address) || madvise(address, bytes, MADV_HUGEPAGE)) return;
  madvise(place, linux_port::host_page, MADV_POPULATE_WRITE);
  madvise(address, bytes, MADV_NOHUGEPAGE);
}

void* kmem_port_map(size_t bytes, size_t align) {
  const linux_port::KeepErrno keep;
  // Aligned so that huge pages fit: a fault then brings 2 MiB, at a quarter of the cost.
  const bool huge = bytes >= 2 * kmem::kBlockBytes;
  if (huge && align < kmem::kBlockBytes) align = kmem::kBlockBytes;
  const size_t extra = align > linux_port::host_page ? align : 0;
  if (bytes + extra < bytes) return nullptr;
  void* got = mmap(nullptr, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  if (!extra) return got;
  const auto from = reinterpret_cast<uintptr_t>(got), start = (from + align - 1) & ~(align - 1);
  if (start > from) munmap(got, start - from);
  if (from + extra > start) munmap(reinterpret_cast<void*>(start + bytes), from + extra - start);
  if (huge && linux_port::huge_pages) madvise(reinterpret_cast<void*>(start), bytes, MADV_HUGEPAGE);
  return reinterpret_cast<void*>(start);
}

void kmem_port_unmap(void* address, size_t bytes) {
  const linux_port::KeepErrno keep;
  munmap(address, bytes);
}

bool kmem_port_protect(void* address, size_t bytes, bool open) {
  const linux_port::KeepErrno keep;
  const auto at = reinterpret_cast<uintptr_t>(address);
  if (((at | bytes) & (linux_port::host_page - 1)) != 0) return false;
  return mprotect(address, bytes, open ? PROT_READ | PROT_WRITE : PROT_NONE) == 0;
}

void* kmem_port_remap(void* address, size_t old_bytes, size_t new_bytes, bool may_move) {
  const linux_port::KeepErrno keep;
  void* got = mremap(address, old_bytes, new_bytes, may_move ? MREMAP_MAYMOVE : 0);
  return got == MAP_FAILED ? nullptr : got;
}

// It can still be read: leak checkers walk over all data of a program.
void kmem_port_close(void* address, size_t bytes) {
  mmap(address, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

bool kmem_port_cpus(bool online, uint64_t* mask, unsigned words) {
  if (!linux_port::read_cpus(online ? "online" : "present", mask, words)) return false;
  if (online) linux_port::leave_kept_cpus(mask, words);
  return true;
}
uint32_t kmem_port_keep_to_cpus(uint32_t nr) {
  const linux_port::KeepErrno keep;
  return linux_port::keep_to_cpus(nr);
}

bool kmem_port_fence_cpus() {
  const linux_port::KeepErrno keep;
  // Registering again costs a system call and changes nothing; a forked child may have to.
  static int registered;  // 1: yes, -1: the host refused
  int known = __atomic_load_n(&registered, __ATOMIC_RELAXED);
  if (!known) {
    known = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0) == 0 ? 1 : -1;
    __atomic_store_n(&registered, known, __ATOMIC_RELAXED);
  }
  return known > 0 && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0) == 0;
}

void kmem_port_wait(const uint32_t* word, uint32_t expected, uint64_t deadline_ns) {
  timespec until{static_cast<time_t>(deadline_ns / 1000000000u), static_cast<long>(deadline_ns % 1000000000u)};
  const linux_port::KeepErrno keep;
  syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline_ns == kmem::kForever ? nullptr : &until, nullptr,
          FUTEX_BITSET_MATCH_ANY);
}

void kmem_port_wake(const uint32_t* word, uint32_t most) {
  const linux_port::KeepErrno keep;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most < INT32_MAX ? most : INT32_MAX);
}

namespace {
struct Spawned {
  void (*body)(void*);
  void* argument;
};
}  // namespace

// pthread_create() allocates, from kmem itself where malloc is ours; what it needs of us goes through its argument, which
// the thread has read before it says so.
bool kmem_port_spawn(void (*body)(void*), void* argument) {
  struct Start {
    Spawned what;
    uint32_t taken = 0;
  } start{{body, argument}};
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = pthread_create(
      &thread, nullptr,
      [](void* p) -> void* {
        auto* s = static_cast<Start*>(p);
        const Spawned mine = s->what;
        __atomic_store_n(&s->taken, 1, __ATOMIC_RELEASE);
        kmem_port_wake(&s->taken, 1);
        mine.body(mine.argument);
        return nullptr;
      },
      &start);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed) return false;
  pthread_detach(thread);
  while (!__atomic_load_n(&start.taken, __ATOMIC_ACQUIRE)) kmem_port_wait(&start.taken, 0, kmem::kForever);
  return true;
}

kmem::TaskState* kmem_port_task() {
  // The static model: it must not allocate, and 56 bytes fit into what libc keeps free for libraries loaded late.
  static thread_local kmem::TaskState state __attribute__((tls_model("initial-exec")));
  return &state;
}

void kmem_port_at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) {
  pthread_atfork(before, in_parent, in_child);
}

uint64_t kmem_port_now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t kmem_port_tick_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

uint32_t kmem_port_process_id() { return static_cast<uint32_t>(getpid()); }
uint32_t kmem_port_task_id() { return static_cast<uint32_t>(syscall(SYS_gettid)); }
size_t kmem_port_task_name(char* out, size_t bytes) {
  char name[16] = "";
  syscall(SYS_prctl, PR_GET_NAME, name, 0, 0, 0);
  const size_t n = strnlen(name, bytes - 1 < sizeof name ? bytes - 1 : sizeof name - 1);
  memcpy(out, name, n);
  out[n] = 0;
  return n;
}

uint64_t kmem_port_entropy() {
  uint64_t bits = 0;
  if (const auto* random = reinterpret_cast<const char*>(getauxval(AT_RANDOM))) memcpy(&bits, random, sizeof bits);
  return bits ^ kmem_port_now_ns() * 0x9e3779b97f4a7c15u;
}

unsigned kmem_port_backtrace(void** frames, unsigned max) {
  const linux_port::KeepErrno keep;
  return linux_port::scan_stack(frames, max);
}

/// The program's, or that of a library that it has loaded: <kmem/boot.h>.
__attribute__((weak, visibility("default"))) void kmem_early_init(void);
void kmem_port_early() {
  if (kmem_early_init) kmem_early_init();
}

bool kmem_port_locate(const void* address, char* file, size_t room, uint64_t* offset) {
  const linux_port::KeepErrno keep;
  return linux_port::find_mapping(reinterpret_cast<uintptr_t>(address), file, room, *offset);
}

void* kmem_port_share(const char* file, size_t bytes) { return linux_port::map_shared_file(file, bytes); }

// Since Linux 6.13 a guard is a mark in the page table, which does not split the mapping: half the price, and one mapping
// instead of three (madvise(2), MADV_GUARD_INSTALL).  It stays over a fork, and goes with munmap().
bool kmem_port_guard(void* address, size_t bytes) {
  const linux_port::KeepErrno keep;
  if ((reinterpret_cast<uintptr_t>(address) | bytes) & (linux_port::host_page - 1)) return false;
  constexpr int kGuardInstall = 102;
  static kmem::Atomic<bool> unknown{false};
  if (!unknown.peek()) {
    if (madvise(address, bytes, kGuardInstall) == 0) return true;
    unknown.poke(true);
  }
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return mmap(address, bytes, PROT_NONE, kFlags, -1, 0) != MAP_FAILED;
}

void kmem_port_log(const char* text, size_t bytes) { kmem_port_write(2, text, bytes); }

void kmem_port_write(int file, const char* text, size_t bytes) {
  const linux_port::KeepErrno keep;
  while (bytes) {
    const long n = syscall(SYS_write, file, text, bytes);
    if (n <= 0) return;
    text += n;
    bytes -= static_cast<size_t>(n);
  }
}

void kmem_port_panic() { abort(); }
}
