// kmem_port_* by Linux system calls.

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
#include <sys/single_threaded.h>
#include <time.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "address_space.h"
#include "blocks.h"
#include "linux_port.h"
#include "port/cpu_stack.h"
#include "port/machine.h"
#include "port/task.h"
#include "shadows.h"
#include "unwind.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace linux_port {
uint32_t nr_cpus = 1;
size_t host_page = kmem::kPageSize;
bool huge_pages = true, huge_everywhere = false;

namespace {

char boot_words[1024];

/// The value of KMEM in the environment.  Before libc's start `environ` is empty, and the kernel's copy is read.
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

/// alias=1 decides how the arena is mapped, before the core reads the words; the last of several counts, as there.
bool says_alias(const char* words) {
  bool on = false;
  for (const char* at = words; (at = strstr(at, "alias")); at += 5) {
    if (at != words && at[-1] != ' ') continue;
    if (at[5] == 0 || at[5] == ' ') on = true;
    else if (at[5] == '=')
      on = at[6] == '1' || at[6] == 'y' || at[6] == 'Y' || !strncmp(at + 6, "on", 2) || !strncmp(at + 6, "true", 4);
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
  huge_everywhere = strstr(machine->command_line, "thp=always") != nullptr;
  machine->can_alias = says_alias(machine->command_line);
  nr_cpus = machine->nr_cpus = possible_cpus();
  machine->nr_areas = nr_areas_for(nr_cpus);
  machine->physical_bytes = physical_bytes(
      !strstr(machine->command_line, "cgroup=off") && !strstr(machine->command_line, "cgroup=0"), machine->limited);
  machine->cpu_stack = __rseq_size ? kmem::CpuStackMode::Rseq : kmem::CpuStackMode::PerThread;
  kmem_rseq_offset = __rseq_offset;
  machine->catches_accesses = true;
  machine->checker = find_checker();
  find_clock();
  find_restorer();
  kmem_port_task_id();  // initialises its cache, which needs a system call
  if (lay_out_address_space(*machine)) return bind_nodes(*machine), true;
  static const char text[] = "kmem: no address space is left for a heap; raise the limit (ulimit -v)\n";
  kmem_port_log(text, sizeof text - 1);
  return false;
}

// Huge pages are requested block by block, by kmem_port_huge(), and must not be chosen by the host itself.
kmem::Online kmem_port_online(void* address, size_t bytes) {
  const linux_port::KeepErrno keep;
  return linux_port::open_pages(address, bytes);
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

// The whole block is populated, not one page of it: a host without a free huge page does not report that, and memory that is
// counted as resident must be resident. The advice is withdrawn at once, because khugepaged would otherwise fill parts of the
// block again that were given back.
bool kmem_port_huge(void* address, size_t bytes) {
  const linux_port::KeepErrno keep;
  if (!linux_port::huge_pages || linux_port::is_shared(address) || madvise(address, bytes, MADV_HUGEPAGE)) return false;
  const bool resident = madvise(address, bytes, MADV_POPULATE_WRITE) == 0;
  madvise(address, bytes, MADV_NOHUGEPAGE);
  return resident;
}

bool kmem_port_protect(void* address, size_t bytes, kmem::Protection wanted) {
  const linux_port::KeepErrno keep;
  const auto at = reinterpret_cast<uintptr_t>(address);
  if (((at | bytes) & (linux_port::host_page - 1)) != 0) return false;
  return mprotect(address, bytes, wanted == kmem::Protection::Open ? PROT_READ | PROT_WRITE : PROT_NONE) == 0;
}

// It stays readable, because leak checkers scan all data of a program.
void kmem_port_close(void* address, size_t bytes) {
  mmap(address, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

bool kmem_port_cpus(kmem::HostCpus which, uint64_t* mask, unsigned words) {
  const bool online = which == kmem::HostCpus::Online;
  if (!linux_port::read_cpus(online ? "online" : "present", mask, words)) return false;
  if (online) linux_port::leave_kept_cpus(mask, words);
  return true;
}
uint32_t kmem_port_keep_to_cpus(uint32_t nr) {
  const linux_port::KeepErrno keep;
  return linux_port::keep_to_cpus(nr);
}

// A host without restartable sequences still has a memory barrier, which suffices for threads with their own shadow CPUs.
static int fence_command() {
  const auto is_registered = [](int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; };
  if (is_registered(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)) return MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ;
  if (!__rseq_size && is_registered(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)) return MEMBARRIER_CMD_PRIVATE_EXPEDITED;
  return -1;
}

// A process of one thread has no other sequence in flight: a handler that interrupted one has made it start again.  libc knows
// whether there is one thread, at least for threads that it created, and its own locks rely on that. If no fence is needed no
// system call is made, because a sandbox may kill the process for it.
bool kmem_port_fence_cpus(kmem::Fence fence) {
  if (fence != kmem::Fence::Later && __libc_single_threaded && !linux_port::has_hidden_tasks) return true;
  if (fence == kmem::Fence::Unasked) return false;
  const linux_port::KeepErrno keep;
  // Registering again costs a system call and changes nothing; a forked child may need it.
  static int command;  // of membarrier(2), -1: the host refused
  int known = __atomic_load_n(&command, __ATOMIC_RELAXED);
  if (!known) __atomic_store_n(&command, known = fence_command(), __ATOMIC_RELAXED);
  if (fence == kmem::Fence::Later) return known > 0;
  return known > 0 && syscall(SYS_membarrier, known, 0, 0) == 0;
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

// pthread_create() allocates, from kmem itself if kmem serves malloc. Its argument lies on our stack until the thread has
// copied it and signals that.
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
  // The initial-exec model, because access must not allocate; 56 bytes fit into the space that libc reserves for libraries
  // loaded late.
  static thread_local kmem::TaskState state __attribute__((tls_model("initial-exec")));
  return &state;
}

void kmem_port_at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) {
  static void (*then)();
  then = in_child;
  pthread_atfork(before, in_parent, [] {
    linux_port::forget_idle_after_fork();
    then();
  });
}

void kmem_port_yield() { syscall(SYS_sched_yield); }

// libc has the thread's number without a system call, but reveals it only in the id of the thread's clock: the bits from the
// fourth on, inverted.
uint32_t kmem_port_task_id() {
  static constinit int in_clock;  // 1: the clock id contains it; -1: not with this libc
  clockid_t clock;
  if (in_clock >= 0 && !pthread_getcpuclockid(pthread_self(), &clock)) {
    const auto id = ~static_cast<uint32_t>(clock >> 3);
    if (in_clock > 0) return id;
    in_clock = id == static_cast<uint32_t>(syscall(SYS_gettid)) ? 1 : -1;
  }
  return static_cast<uint32_t>(syscall(SYS_gettid));
}
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
  // Not under memcheck, which would report the reads of unwinding; without certain callers, scans the stack for likely ones.
  if (!linux_port::under_memcheck)
    if (const unsigned n = linux_port::unwind_stack(frames, max); n > 1) return n;
  return linux_port::scan_stack(frames, max);
}

/// Defined by the program, or by a library that it has loaded: <kmem/boot.h>.
__attribute__((weak, visibility("default"))) void kmem_early_init(void);
void kmem_port_early() {
  if (kmem_early_init) kmem_early_init();
}

bool kmem_port_locate(const void* address, char* file, size_t room, uint64_t* offset) {
  const linux_port::KeepErrno keep;
  return linux_port::find_mapping(reinterpret_cast<uintptr_t>(address), file, room, *offset);
}

void* kmem_port_share(const char* file, size_t bytes) { return linux_port::map_shared_file(file, bytes); }

// Since Linux 6.13 a guard is a mark in the page table, which does not split the mapping: half the cost, and one mapping
// instead of three (madvise(2), MADV_GUARD_INSTALL). It survives a fork, and munmap() removes it.
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
