// What every port promises to the core, seen by one thread.  Compiled for each port; see port/cpu_stack.h and
// port/port.h for the words of it.

#include <gtest/gtest.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "port/cpu_stack.h"
#include "port/machine.h"
#include "port/port.h"
#include "port/saved_stack.h"
#include "port/task.h"

char* kmem_base = nullptr;

namespace kmem {
namespace {

constexpr Slot kSlot{5}, kOther{6};
void* pointer(uintptr_t n) { return reinterpret_cast<void*>(n * 16); }

/// The machine of this program, booted once, as the core would.
const Machine& machine() {
  static const Machine* booted = [] {
    auto* m = new Machine;
    EXPECT_TRUE(kmem_port_boot(m));
    kmem_base = m->base;
    return m;
  }();
  return *booted;
}

/// Stays on one CPU, on a host that has several.
void stay_here() {
  cpu_set_t all, one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof all, &all)) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
      break;
    }
  sched_setaffinity(0, sizeof one, &one);
}

class Contract : public testing::Test {
 protected:
  Contract() {
    stay_here();
    machine();
    install(kSlot, 4);
    install(kOther, 4);
  }
  /// An empty sheaf for this CPU's slot, in the space after the words.
  void install(Slot slot, unsigned capacity) {
    char* sheaf = machine().base + 2 * size_t{machine().nr_cpus} * kCpuStride + (slot.index + 1) * kSheafBytes;
    auto* words = reinterpret_cast<uint64_t*>(sheaf);
    words[capacity] = 0;
    sheaf[kCapacityByte] = static_cast<char>(capacity);
    const auto word = static_cast<uint64_t>(reinterpret_cast<char*>(words + capacity) - machine().base) / kWordUnit;
    ASSERT_TRUE(CpuStack::replace(here(), slot, CpuStack::word(here(), slot), word));
  }
  static CpuId here() { return CpuStack::where(); }
};

// The machine
// ----------------------------------------------------------------------------------------------------------

TEST_F(Contract, a_guard_takes_contents_and_leaves_addresses) {
  const size_t bytes = machine().host_page_bytes;
  char* p = static_cast<char*>(kmem_port_map(2 * bytes, bytes));
  ASSERT_NE(p, nullptr);
  p[0] = 'x';
  if (kmem_port_guard(p + bytes, bytes)) {
    EXPECT_EQ(p[0], 'x');
    EXPECT_FALSE(kmem_port_guard(p + 1, bytes)) << "only whole pages";
  } else {
    p[bytes] = 'y';  // a port that cannot has changed nothing
  }
  kmem_port_unmap(p, 2 * bytes);
}

TEST_F(Contract, pages_can_be_closed_and_keep_what_they_hold) {
  const size_t bytes = machine().host_page_bytes;
  char* p = static_cast<char*>(kmem_port_map(3 * bytes, bytes));
  ASSERT_NE(p, nullptr);
  p[bytes] = 'x';
  EXPECT_TRUE(kmem_port_protect(p + bytes, bytes, false));
  p[0] = p[2 * bytes] = 'y';
  EXPECT_TRUE(kmem_port_protect(p + bytes, bytes, true));
  EXPECT_EQ(p[bytes], 'x');
  EXPECT_FALSE(kmem_port_protect(p + 1, bytes, false)) << "only whole pages";
  kmem_port_unmap(p, 3 * bytes);
}

TEST_F(Contract, the_quick_clock_is_the_clock) {
  const uint64_t tick = kmem_port_tick_ns(), now = kmem_port_now_ns();
  EXPECT_LE(tick, now);
  EXPECT_LT(now - tick, 1'000'000'000u);
}

TEST_F(Contract, names_fit_or_are_cut) {
  char name[200];
  const size_t n = kmem_port_name_code(reinterpret_cast<const void*>(&kmem_port_now_ns), name, sizeof name);
  EXPECT_EQ(strlen(name), n);
  EXPECT_TRUE(n == 0 || strncmp(name, "kmem_port_now_ns+0x0/0x", 23) == 0) << name;
  EXPECT_EQ(kmem_port_name_code(nullptr, name, sizeof name), 0u);
  char task[8];
  const size_t length = kmem_port_task_name(task, sizeof task);
  EXPECT_EQ(strlen(task), length);
  EXPECT_NE(kmem_port_task_id(), 0u);
  EXPECT_NE(kmem_port_process_id(), 0u);
  EXPECT_EQ(kmem_port_process_id(), kmem_port_process_id());
}

TEST_F(Contract, the_facts_make_sense) {
  EXPECT_GE(machine().nr_cpus, 1u);
  EXPECT_LE(machine().nr_cpus, kMaxCpus);
  EXPECT_GE(machine().nr_nodes, 1u);
  EXPECT_LE(machine().nr_nodes, kMaxNodes);
  ASSERT_GE(machine().nr_ram, 1u);
  for (unsigned i = 0; i < machine().nr_ram; ++i) {
    EXPECT_EQ(machine().ram[i].start.value % (4u << 20), 0u) << "the largest block is aligned";
    EXPECT_GT(machine().ram[i].bytes, 0u);
    EXPECT_LT(machine().ram[i].node.value, machine().nr_nodes);
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(machine().direct_map) % kPageSize, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(machine().base) % kPageSize, 0u);
  EXPECT_GT(machine().nr_sheaves, 2u);
  EXPECT_NE(machine().command_line, nullptr);
  for (uint32_t cpu = 0; cpu < machine().nr_cpus; ++cpu) EXPECT_LT(machine().cpu_node[cpu], machine().nr_nodes);
  for (unsigned n = 0; n < machine().nr_nodes; ++n) EXPECT_EQ(machine().distance[n][n], 10);
}

TEST_F(Contract, words_and_tables_are_zero_and_ours) {
  for (uint32_t cpu = 0; cpu < 2 * machine().nr_cpus; ++cpu) EXPECT_EQ(CpuStack::word({cpu}, Slot{100}), 0u);
  char* last_sheaf =
      machine().base + 2 * size_t{machine().nr_cpus} * kCpuStride + (machine().nr_sheaves - 1) * kSheafBytes;
  EXPECT_EQ(*last_sheaf, 0);
  *last_sheaf = 1;
  *last_sheaf = 0;
  EXPECT_EQ(machine().base[kTables], 0);
  const Pfn first{machine().ram[0].start.value >> kPageShift};
  EXPECT_EQ(machine().base[kFrameTable + static_cast<ptrdiff_t>(first.value)], 0);
  for (size_t at : {kBlocked, kBlocked + kCpuStride, kBlocked + kBlockedBytes - 8}) EXPECT_EQ(machine().base[at], 0);
  EXPECT_EQ(machine().metadata[0], 0);
  EXPECT_EQ(machine().metadata[machine().metadata_bytes - 1], 0);
}

// This CPU's stacks
// ----------------------------------------------------------------------------------------------------

TEST_F(Contract, this_cpu_is_one_of_the_machines) { EXPECT_LT(here().value, 2 * machine().nr_cpus); }

TEST_F(Contract, what_is_pushed_last_is_popped_first) {
  EXPECT_EQ(CpuStack::pop(kSlot), nullptr);
  for (uintptr_t n = 1; n <= 4; ++n) EXPECT_EQ(CpuStack::push(kSlot, pointer(n)), Push::Done);
  for (uintptr_t n = 4; n >= 1; --n) EXPECT_EQ(CpuStack::pop(kSlot), pointer(n));
  EXPECT_EQ(CpuStack::pop(kSlot), nullptr);
}

TEST_F(Contract, a_full_stack_says_so_and_keeps_what_it_has) {
  for (uintptr_t n = 1; n <= 4; ++n) EXPECT_EQ(CpuStack::push(kSlot, pointer(n)), Push::Done);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(9)), Push::Full);
  EXPECT_EQ(CpuStack::pop(kSlot), pointer(4));
}

TEST_F(Contract, the_same_twice_in_a_row_is_seen) {
  EXPECT_EQ(CpuStack::push(kSlot, pointer(1)), Push::Done);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(1)), Push::Same);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(2)), Push::Done);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(1)), Push::Done) << "further down it is not looked for";
}

TEST_F(Contract, several_are_moved_in_one_step_the_first_on_top) {
  if (here().value >= machine().nr_cpus) GTEST_SKIP() << "this thread has no sequences";
  constexpr Slot kLarge{7};
  install(kLarge, kSheafCapacity);
  for (unsigned n = 1; n <= kSheafCapacity; ++n) {
    void* in[kSheafCapacity + 2] = {};
    void* out[kSheafCapacity + 2] = {};
    for (unsigned i = 0; i < n; ++i) in[i] = pointer(1000 + i);
    ASSERT_EQ(CpuStack::try_push(kLarge, pointer(1)), Push::Done);
    const unsigned most = n < kSheafCapacity ? n : n - 1;
    ASSERT_EQ(CpuStack::try_push_some(kLarge, in, n, {}), most) << "as many as there is room for";
    ASSERT_EQ(CpuStack::try_pop(kLarge), pointer(1000));
    ASSERT_EQ(CpuStack::try_push(kLarge, pointer(1000)), Push::Done);
    ASSERT_EQ(CpuStack::try_pop_some(kLarge, out, n), n);
    for (unsigned i = 0; i < most; ++i) ASSERT_EQ(out[i], in[i]) << i << " of " << n;
    for (unsigned i = n; i < kSheafCapacity + 2; ++i) ASSERT_EQ(out[i], nullptr) << "beyond what was asked for";
    CpuStack::try_pop(kLarge);
    ASSERT_EQ(CpuStack::try_pop_some(kLarge, out, n), 0u);
  }
}

TEST_F(Contract, several_are_moved_as_far_as_they_are_there) {
  if (here().value >= machine().nr_cpus) GTEST_SKIP() << "this thread has no sequences";
  void* out[8] = {};
  EXPECT_EQ(CpuStack::try_pop_some(kSlot, out, 8), 0u);
  void* in[] = {pointer(1), pointer(2), pointer(3), pointer(4), pointer(5)};
  EXPECT_EQ(CpuStack::try_push_some(kSlot, in, 3, {}), 3u);
  EXPECT_EQ(CpuStack::try_push_some(kSlot, in + 3, 2, {}), 1u);
  EXPECT_EQ(CpuStack::try_push_some(kSlot, in + 4, 1, {}), 0u);
  EXPECT_EQ(CpuStack::try_pop_some(kSlot, out, 8), 4u);
  EXPECT_EQ(out[0], pointer(4));
  EXPECT_EQ(out[3], pointer(3));
  EXPECT_EQ(CpuStack::try_pop_some(Slot{101}, out, 8), 0u) << "a slot without a sheaf";
  EXPECT_EQ(CpuStack::try_push_some(Slot{101}, in, 2, {}), 0u);
}

TEST_F(Contract, what_does_not_fit_together_is_not_pushed) {
  if (here().value >= machine().nr_cpus) GTEST_SKIP() << "this thread has no sequences";
  for (unsigned n = 2; n <= 4; ++n)
    for (unsigned odd = 1; odd < n; ++odd) {
      void* in[4];
      for (unsigned i = 0; i < n; ++i) in[i] = pointer(256 + i);
      const Fit fit{~uint64_t{4095}, 15};
      ASSERT_EQ(CpuStack::try_push_some(kSlot, in, n, fit), n);
      ASSERT_EQ(CpuStack::try_push_some(kSlot, in, n, fit), n == 4 ? 0 : kUnfit) << "the first is on top already";
      ASSERT_EQ(CpuStack::try_pop_some(kSlot, in, 4), n);
      in[odd] = pointer(512);
      ASSERT_EQ(CpuStack::try_push_some(kSlot, in, n, fit), kUnfit) << odd << " of " << n << " is of another page";
      in[odd] = static_cast<char*>(pointer(257)) + 8;
      ASSERT_EQ(CpuStack::try_push_some(kSlot, in, n, fit), kUnfit) << odd << " of " << n << " begins elsewhere";
      ASSERT_EQ(CpuStack::try_pop(kSlot), nullptr);
    }
}

TEST_F(Contract, slots_are_separate) {
  EXPECT_EQ(CpuStack::push(kSlot, pointer(1)), Push::Done);
  EXPECT_EQ(CpuStack::pop(kOther), nullptr);
  EXPECT_EQ(CpuStack::pop(kSlot), pointer(1));
}

TEST_F(Contract, a_slot_without_a_sheaf_is_full_and_empty_at_once) {
  constexpr Slot kNone{101};
  EXPECT_EQ(CpuStack::pop(kNone), nullptr);
  EXPECT_EQ(CpuStack::push(kNone, pointer(1)), Push::Full);
}

TEST_F(Contract, the_quick_halves_do_the_same_on_a_cpu_with_sequences) {
  if (here().value >= machine().nr_cpus) GTEST_SKIP() << "this thread has none";
  EXPECT_EQ(CpuStack::try_push(kSlot, pointer(7)), Push::Done);
  EXPECT_EQ(CpuStack::try_push(kSlot, pointer(7)), Push::Same);
  EXPECT_EQ(CpuStack::try_pop(kSlot), pointer(7));
  EXPECT_EQ(CpuStack::try_pop(kSlot), nullptr);
}

TEST_F(Contract, a_pointer_into_an_object_is_refused) {
  // The divisor of slot 5: slabs of 4096 bytes, objects of 96 that end where the slab ends.
  constexpr ptrdiff_t kTable = kTables + 12288;
  auto* divisor = reinterpret_cast<uint32_t*>(kmem_base + kTable) + 2 * kSlot.index;
  divisor[0] = ~4095u;
  divisor[1] = static_cast<uint32_t>((uint64_t{1} << 32) / 96);
  if (here().value >= machine().nr_cpus) GTEST_SKIP() << "this thread has no sequences";
  char* slab = reinterpret_cast<char*>(uintptr_t{1} << 20);
  for (unsigned offset = 0; offset < 4096; ++offset) {
    const Push pushed = CpuStack::try_push_object<kTable>(kmem_base, kSlot, slab + offset);
    EXPECT_EQ(pushed, (4096 - offset) % 96 ? Push::Inside : Push::Done) << offset;
    EXPECT_TRUE(pushed != Push::Done || CpuStack::try_pop(kSlot) == slab + offset);
  }
  divisor[0] = divisor[1] = 0;
}

TEST_F(Contract, a_word_is_replaced_only_if_it_is_as_expected) {
  const uint64_t word = CpuStack::word(here(), kSlot);
  EXPECT_NE(word, 0u);
  EXPECT_FALSE(CpuStack::replace(here(), kSlot, word + 2, 0));
  EXPECT_EQ(CpuStack::word(here(), kSlot), word);
  EXPECT_TRUE(CpuStack::replace(here(), kSlot, word, 0));
  EXPECT_EQ(CpuStack::word(here(), kSlot), 0u);
}

TEST_F(Contract, a_word_of_another_cpu_is_not_replaced) {
  const CpuId other{here().value == 0 ? 1u : 0u};
  if (other.value >= machine().nr_cpus) GTEST_SKIP() << "there is no other CPU";
  EXPECT_FALSE(CpuStack::replace(other, kSlot, CpuStack::word(other, kSlot), 64));
  EXPECT_EQ(CpuStack::word(other, kSlot), 0u);
}

// Shadow CPUs
// ----------------------------------------------------------------------------------------------------------

TEST_F(Contract, a_shadow_cpus_word_is_taken_once) {
  const CpuId shadow{machine().nr_cpus};
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 0u);
  EXPECT_TRUE(CpuStack::replace(shadow, kSlot, 0, 256));
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 256u);
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 0u);
}

TEST_F(Contract, after_a_fork_shadow_cpus_are_free) {
  const CpuId shadow{machine().nr_cpus};
  CpuStack::words(shadow)[0] = 1;  // another thread of the parent held it
  EXPECT_FALSE(CpuStack::replace(shadow, kSlot, 0, 256));
  CpuStack::after_fork();
  EXPECT_TRUE(CpuStack::replace(shadow, kSlot, 0, 256));
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 256u);
}

// What happens
// ---------------------------------------------------------------------------------------------------------

TEST_F(Contract, memory_comes_online_zeroed_and_reads_as_zero_after_a_discard) {
  char* at = machine().direct_map + machine().ram[machine().nr_ram - 1].start.value;
  constexpr size_t kBytes = size_t{4} << 20;
  ASSERT_TRUE(kmem_port_online(at, kBytes));
  EXPECT_EQ(at[0], 0);
  EXPECT_EQ(at[kBytes - 1], 0);
  memset(at, 0x5a, kBytes);
  if (!kmem_port_discard(at + kBlockBytes, kBlockBytes)) GTEST_SKIP() << "this port cannot discard";
  EXPECT_EQ(at[kBlockBytes - 1], 0x5a);
  for (size_t i = kBlockBytes; i < kBytes; i += 512) ASSERT_EQ(at[i], 0);
  at[kBlockBytes] = 1;
  EXPECT_EQ(at[kBlockBytes], 1) << "and can be used again";
}

TEST_F(Contract, memory_of_its_own_is_zero_aligned_and_can_grow) {
  for (const size_t align : {size_t{1}, size_t{64} << 10, size_t{4} << 20}) {
    auto* at = static_cast<char*>(kmem_port_map(kBlockBytes, align));
    ASSERT_NE(at, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % align, 0u);
    EXPECT_EQ(at[0] | at[kBlockBytes - 1], 0);
    at[0] = 1;
    at[kBlockBytes - 1] = 2;
    if (auto* moved = static_cast<char*>(kmem_port_remap(at, kBlockBytes, 2 * kBlockBytes, true))) {
      EXPECT_EQ(moved[0], 1);
      EXPECT_EQ(moved[kBlockBytes - 1], 2);
      EXPECT_EQ(moved[2 * kBlockBytes - 1], 0);
      kmem_port_unmap(moved, 2 * kBlockBytes);
    } else {
      kmem_port_unmap(at, kBlockBytes);
    }
  }
  EXPECT_EQ(kmem_port_map(~size_t{0} - kPageSize, kPageSize), nullptr);
}

TEST_F(Contract, the_clock_does_not_go_back_and_a_fence_returns) {
  const uint64_t before = kmem_port_now_ns();
  kmem_port_fence_cpus();
  EXPECT_GE(kmem_port_now_ns(), before);
}

TEST_F(Contract, code_is_found_in_its_file_or_nowhere) {
  char file[512];
  uint64_t offset = 0;
  if (kmem_port_locate(reinterpret_cast<const void*>(&kmem_port_boot), file, sizeof file, &offset)) {
    EXPECT_EQ(file[0], '/');
    EXPECT_NE(offset, 0u);
    EXPECT_FALSE(kmem_port_locate(reinterpret_cast<const void*>(&kmem_port_boot), file, 4, &offset)) << "the name must fit";
  }
  EXPECT_FALSE(kmem_port_locate(reinterpret_cast<const void*>(16), file, sizeof file, &offset));
}

TEST_F(Contract, a_stack_that_is_saved_is_the_callers) {
  static SavedStack saved;
  uint64_t here = 0x1234567890abcdef;
  asm volatile("" : : "r"(&here) : "memory");
  if (!kmem_port_save_stack(&saved)) return;
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps variables on a stack of its own";
#endif
  const uint64_t offset = reinterpret_cast<uint64_t>(&here) - saved.stack_start;
  ASSERT_LT(offset, saved.stack_bytes);
  EXPECT_EQ(memcmp(saved.stack + offset, &here, sizeof here), 0);
  EXPECT_NE(strstr(saved.mappings, "[stack]"), nullptr);
}

TEST_F(Contract, a_shared_file_is_the_same_memory_for_all) {
  char name[] = "/tmp/kmem-contract-XXXXXX";
  const int fd = mkstemp(name);
  ASSERT_GE(fd, 0);
  close(fd);
  auto* one = static_cast<char*>(kmem_port_share(name, 8192));
  auto* other = static_cast<char*>(kmem_port_share(name, 8192));
  if (one && other) {
    one[8191] = 7;
    EXPECT_EQ(other[8191], 7);
    EXPECT_EQ(other[0], 0);
  }
  unlink(name);
  EXPECT_EQ(kmem_port_share("/no/such/folder/file", 8192), nullptr);
}

// The window of vmap --------------------------------------------------------------------------------------------------

TEST_F(Contract, reserved_addresses_are_opened_by_parts_read_as_zero_and_lose_their_contents_when_closed) {
  constexpr size_t kBytes = size_t{1} << 20;
  auto* at = static_cast<char*>(kmem_port_window_reserve(kBytes, kBlockBytes));
  ASSERT_NE(at, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % kBlockBytes, 0u);
  ASSERT_TRUE(kmem_port_window_open(at, 8 * kPageSize, Access::ReadWrite, false));
  EXPECT_EQ(at[0] | at[8 * kPageSize - 1], 0);
  memset(at, 0x5a, 8 * kPageSize);
  kmem_port_window_close(at, 8 * kPageSize);
  ASSERT_TRUE(kmem_port_window_open(at, 8 * kPageSize, Access::ReadWrite, false));
  EXPECT_EQ(at[0] | at[8 * kPageSize - 1], 0);
  at[5] = 1;
  EXPECT_TRUE(kmem_port_window_access(at, kPageSize, Access::Read));
  EXPECT_EQ(at[5], 1);
  kmem_port_window_close(at, 8 * kPageSize);
  kmem_port_unmap(at, kBytes);
  EXPECT_EQ(kmem_port_window_reserve(~size_t{0} - kPageSize, kPageSize), nullptr);
}

TEST_F(Contract, a_guard_is_taken_away_by_opening_again_and_its_neighbours_stay) {
  constexpr size_t kBytes = 16 * kPageSize;
  auto* at = static_cast<char*>(kmem_port_window_reserve(kBytes, kPageSize));
  ASSERT_TRUE(kmem_port_window_open(at, 4 * kPageSize, Access::ReadWrite, false));
  memset(at, 1, 4 * kPageSize);
  if (kmem_port_window_guard(at + kPageSize, kPageSize)) {
    EXPECT_EQ(at[0] & at[2 * kPageSize], 1);
    ASSERT_TRUE(kmem_port_window_open(at + kPageSize, kPageSize, Access::ReadWrite, false));
    EXPECT_EQ(at[kPageSize], 0);
    EXPECT_EQ(at[0] & at[2 * kPageSize], 1);
  }
  kmem_port_window_close(at, 4 * kPageSize);
  kmem_port_unmap(at, kBytes);
}

TEST_F(Contract, contents_move_into_the_window_and_home_again) {
  char* home = machine().direct_map + machine().ram[machine().nr_ram - 1].start.value;
  constexpr size_t kBytes = size_t{4} << 20;
  ASSERT_TRUE(kmem_port_online(home, kBytes));
  auto* at = static_cast<char*>(kmem_port_window_reserve(kBytes, kPageSize));
  for (const size_t pages : {size_t{1}, size_t{15}, size_t{16}, size_t{600}}) {
    memset(home, static_cast<int>(pages % 100) + 1, pages * kPageSize);
    ASSERT_TRUE(kmem_port_window_move(at, home, pages * kPageSize));
    EXPECT_EQ(at[pages * kPageSize - 1], static_cast<char>(pages % 100 + 1));
    EXPECT_EQ(home[0] | home[pages * kPageSize - 1], 0) << "what has moved is not there";
    at[3] = 42;
    ASSERT_TRUE(kmem_port_window_move(home, at, pages * kPageSize));
    EXPECT_EQ(home[3], 42);
    EXPECT_EQ(home[pages * kPageSize - 1], static_cast<char>(pages % 100 + 1));
    kmem_port_window_close(at, pages * kPageSize);
  }
  if (!machine().can_alias) { EXPECT_FALSE(kmem_port_window_alias(at, home, kPageSize, Access::ReadWrite)); }
  kmem_port_unmap(at, kBytes);
}

TEST_F(Contract, a_wait_ends_at_its_deadline_and_at_once_where_the_word_is_another) {
  uint32_t word = 1;
  kmem_port_wait(&word, 0, kForever);
  const uint64_t until = kmem_port_now_ns() + 1000000;
  while (kmem_port_now_ns() < until) kmem_port_wait(&word, 1, until);
  kmem_port_wake(&word, 1);
}

TEST_F(Contract, a_thread_of_our_own_is_started_or_refused) {
  static uint32_t ran;
  const bool started = kmem_port_spawn(
      [](void* p) {
        __atomic_store_n(static_cast<uint32_t*>(p), 1, __ATOMIC_RELEASE);
        kmem_port_wake(static_cast<uint32_t*>(p), 1);
      },
      &ran);
  EXPECT_TRUE(started);
#ifndef KMEM_SIM  // there a test runs it
  while (started && !__atomic_load_n(&ran, __ATOMIC_ACQUIRE)) kmem_port_wait(&ran, 0, kForever);
#endif
}

TEST_F(Contract, a_task_has_one_state_and_is_no_interrupt) {
  TaskState* task = kmem_port_task();
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task, kmem_port_task());
  EXPECT_EQ(task->preempt_count.peek(), 0u);
  EXPECT_FALSE(kmem_port_in_interrupt());
}

#ifndef KMEM_SIM
volatile sig_atomic_t nr_interrupts, was_found_out;
#endif

#ifndef KMEM_SIM
TEST_F(Contract, a_process_can_be_kept_to_its_first_cpus_and_the_others_are_not_online) {
  const pid_t child = fork();
  if (child == 0) {
    uint64_t mask[kMaxCpus / 64] = {};
    if (kmem_port_keep_to_cpus(1) != 1 || !kmem_port_cpus(true, mask, kMaxCpus / 64)) _exit(1);
    unsigned n = 0;
    for (const uint64_t word : mask) n += static_cast<unsigned>(__builtin_popcountll(word));
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) || CPU_COUNT(&set) != 1) _exit(2);
    _exit(n == 1 ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}
#endif

TEST_F(Contract, interrupts_that_are_kept_off_come_when_the_outermost_lets_them) {
  const uint64_t outer = kmem_port_irq_save();
  const uint64_t inner = kmem_port_irq_save();
#ifndef KMEM_SIM  // there tests/sim/any_context_test.cc sends one at every step
  signal(SIGUSR1, [](int) {
    nr_interrupts = nr_interrupts + 1;
    was_found_out = kmem_port_in_interrupt();
  });
  raise(SIGUSR1);
  EXPECT_EQ(nr_interrupts, 0);
#endif
  kmem_port_irq_restore(inner);
#ifndef KMEM_SIM
  EXPECT_EQ(nr_interrupts, 0);
#endif
  errno = 4711;
  kmem_port_irq_restore(outer);
  EXPECT_FALSE(kmem_port_in_interrupt());
  EXPECT_EQ(errno, 4711);
#ifndef KMEM_SIM
#ifndef KMEM_TSAN  // which calls handlers later, from code of its own
  EXPECT_EQ(nr_interrupts, 1);
  EXPECT_TRUE(was_found_out);
#endif
  signal(SIGUSR1, SIG_IGN);
#endif
}

}  // namespace
}  // namespace kmem
