// The contract of every port, this CPU's stacks, and the shadow CPUs (port/cpu_stack.h).

#include "port/contract.h"

namespace kmem {
namespace {

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

// A sequence that something comes between is refused, so each of them is tried several times.
TEST_F(Contract, a_counted_pop_ends_where_the_countdown_is_past_zero) {
  if (here().value >= machine().nr_cpus) GTEST_SKIP() << "this thread has no sequences";
  auto* countdown = reinterpret_cast<int64_t*>(CpuStack::words(here()) + kCountdown);
  bool due = true;
  *countdown = 0;
  EXPECT_EQ(CpuStack::try_pop_counted(kmem_base, kSlot, 100, due), nullptr) << "of an empty stack";
  EXPECT_FALSE(due);
  EXPECT_EQ(*countdown, 0) << "which is not counted";
  ASSERT_EQ(CpuStack::push(kSlot, pointer(1)), Push::Done);
  ASSERT_EQ(CpuStack::push(kSlot, pointer(2)), Push::Done);
  void* top = nullptr;
  for (int tries = 0; tries < 100 && !top; ++tries) {
    *countdown = 100;
    top = CpuStack::try_pop_counted(kmem_base, kSlot, 100, due);
  }
  EXPECT_EQ(top, pointer(2));
  EXPECT_FALSE(due);
  EXPECT_EQ(*countdown, 0) << "at zero it is not past it";
  for (int tries = 0; tries < 100 && !due; ++tries) {
    *countdown = 99;
    EXPECT_EQ(CpuStack::try_pop_counted(kmem_base, kSlot, 100, due), nullptr);
  }
  EXPECT_TRUE(due);
  EXPECT_EQ(*countdown, -1);
  EXPECT_EQ(CpuStack::pop(kSlot), pointer(1)) << "it is still there";
  *countdown = 0;
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

TEST_F(Contract, a_shadow_cpus_word_is_taken_once) {
  const CpuId shadow{machine().nr_cpus};
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 0u);
  EXPECT_TRUE(CpuStack::replace(shadow, kSlot, 0, 256));
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 256u);
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 0u);
}

TEST_F(Contract, after_a_fork_shadow_cpus_are_free) {
  const CpuId shadow{machine().nr_cpus};
  CpuStack::words(shadow)[kShadowState] = 1;  // another thread of the parent held it
  EXPECT_FALSE(CpuStack::replace(shadow, kSlot, 0, 256));
  CpuStack::after_fork();
  EXPECT_TRUE(CpuStack::replace(shadow, kSlot, 0, 256));
  EXPECT_EQ(CpuStack::take_shadow(shadow, kSlot), 256u);
}

}  // namespace
}  // namespace kmem
