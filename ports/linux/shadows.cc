#include "shadows.h"

#include <pthread.h>

#include "address_space.h"
#include "linux_port.h"
#include "port/machine.h"

__thread uint64_t* kmem_own_words = nullptr;
/// Areas from here on have never been touched.
uint32_t kmem_areas_used = 0;

namespace linux_port {

using kmem::CpuId;
using kmem::CpuStackImpl;
using kmem::OwnStack;
using kmem::Push;
using kmem::ShadowState;
using kmem::Slot;

namespace {

constexpr uint32_t kFewestOwn = 64, kMostOwn = 1024;
/// After a failed claim a thread does not try again for so many calls.
constexpr uint16_t kCallsWithoutClaim = 1024;

uint32_t nr_areas = 0;

uint64_t* words(CpuId cpu) { return CpuStackImpl::words(cpu); }
CpuId area_of(const uint64_t* at) {
  return {static_cast<uint32_t>(static_cast<size_t>(reinterpret_cast<const char*>(at) - kmem_base) / kmem::kCpuStride)};
}

uint64_t* state_of(CpuId shadow) { return words(shadow) + kmem::kShadowState; }
bool change_state(CpuId shadow, uint64_t from, uint64_t to) {
  uint64_t* state = state_of(shadow);
  return __atomic_load_n(state, __ATOMIC_RELAXED) == from &&
         __atomic_compare_exchange_n(state, &from, to, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
void set_state(CpuId shadow, uint64_t state) { __atomic_store_n(state_of(shadow), state, __ATOMIC_RELEASE); }

void mark_used(CpuId shadow) {
  uint32_t seen = __atomic_load_n(&kmem_areas_used, __ATOMIC_RELAXED);
  while (seen <= shadow.value &&
         !__atomic_compare_exchange_n(&kmem_areas_used, &seen, shadow.value + 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
  }
}

// Claims --------------------------------------------------------------------------------------------------------------

void release_own() {
  uint64_t* const mine = kmem_own_words;
  kmem_own_words = nullptr;
  if (mine) set_state(area_of(mine), ShadowState::kFree);
}

/// The thread may still free after this, in other destructors and in libc, so it must not claim again.
void thread_ends(void*) {
  thread_marks().has_no_own = true;
  release_own();
}

/// Registers thread_ends() for the end of the thread. Only for a key beyond a process' first ones libc allocates memory for the
/// value, which works because the thread already has its shadow.
bool hear_of_end() {
  static pthread_key_t key;
  static int state;  // 0: no key yet, 1: being made, 2: made, 3: failed
  int seen = 0;
  if (__atomic_compare_exchange_n(&state, &seen, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
    __atomic_store_n(&state, seen = pthread_key_create(&key, thread_ends) == 0 ? 2 : 3, __ATOMIC_RELEASE);
  return seen == 2 && pthread_setspecific(key, kmem_own_words) == 0;
}

// Claims the lowest free shadow, to reuse the sheaves that its last owner left there.
bool claim() {
  for (uint32_t area = 2 * nr_cpus; area < nr_areas; ++area) {
    if (!ensure_open(words({area}), kmem::kCpuStride)) return false;
    if (!change_state({area}, ShadowState::kFree, ShadowState::kOwned)) continue;
    mark_used({area});
    kmem_own_words = words({area});
    if (hear_of_end()) return true;
    release_own();
    return false;
  }
  return false;
}

bool try_claim() {
  ThreadMarks& mine = thread_marks();
  if (mine.has_no_own || mine.is_child || mine.claims) return false;
  if (mine.calls_without_claim) return --mine.calls_without_claim, false;
  const KeepErrno keep;
  mine.claims = true;  // for a handler on top
  const bool claimed = claim();
  mine.claims = false;
  if (!claimed) mine.calls_without_claim = kCallsWithoutClaim;
  return claimed;
}

void** entry(uint64_t word) { return reinterpret_cast<void**>(kmem_base + word * kmem::kWordUnit); }

bool is_own(CpuId shadow) { return kmem_own_words && kmem_own_words == words(shadow); }

}  // namespace

uint32_t nr_areas_for(uint32_t cpus) {
  const uint32_t own = 4 * cpus < kFewestOwn ? kFewestOwn : 4 * cpus > kMostOwn ? kMostOwn : 4 * cpus;
  nr_areas = 2 * cpus + own;
  kmem_areas_used = 2 * cpus;
  kmem_own_words = nullptr;  // may be set by a boot that a fork cut short
  return nr_areas;
}

bool own_shadow(CpuId& shadow) {
  if (!kmem_own_words && !try_claim()) return false;
  shadow = area_of(kmem_own_words);
  return true;
}

// Spreads threads over the shared shadows by the address of thread-local data, without a system call.
CpuId shared_shadow() {
  const auto thread = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(__builtin_thread_pointer()) >> 6);
  return {nr_cpus + static_cast<uint32_t>((thread * 0x9e3779b97f4a7c15u) >> 32) % nr_cpus};
}

void give_own_shadow_up() {
  thread_marks().has_no_own = true;
  release_own();
}

// Calls ---------------------------------------------------------------------------------------------------------------

bool replace_on_shadow(CpuId shadow, Slot slot, uint64_t expected, uint64_t desired) {
  if (is_own(shadow)) return OwnStack::replace(kmem_own_words, slot, expected, desired);
  if (!change_state(shadow, ShadowState::kFree, ShadowState::kLocked)) return false;
  uint64_t& word = words(shadow)[slot.index];
  const bool same = word == expected;
  if (same) __atomic_store_n(&word, desired, __ATOMIC_RELEASE);
  set_state(shadow, ShadowState::kFree);
  return same;
}

void* pop_on_shadow(CpuId shadow, Slot slot) {
  if (is_own(shadow)) return OwnStack::try_pop(kmem_base, slot);
  if (!change_state(shadow, ShadowState::kFree, ShadowState::kLocked)) return nullptr;
  uint64_t& word = words(shadow)[slot.index];
  void* top = *entry(word);
  if (top) __atomic_store_n(&word, word + kmem::kWordStep, __ATOMIC_RELEASE);
  set_state(shadow, ShadowState::kFree);
  if (top) KMEM_TAKES(top);
  return top;
}

Push push_on_shadow(CpuId shadow, Slot slot, const void* p) {
  if (is_own(shadow)) return OwnStack::try_push(kmem_base, slot, p);
  if (!change_state(shadow, ShadowState::kFree, ShadowState::kLocked)) return Push::Full;
  KMEM_GIVES(p);
  uint64_t& word = words(shadow)[slot.index];
  void** top = entry(word);
  const Push result = *top == p ? Push::Same : !(word & 0xff) ? Push::Full : Push::Done;
  if (result == Push::Done) {
    top[-1] = const_cast<void*>(p);
    __atomic_store_n(&word, word - kmem::kWordStep, __ATOMIC_RELEASE);
  }
  set_state(shadow, ShadowState::kFree);
  return result;
}

}  // namespace linux_port

namespace kmem {

uint32_t CpuStackImpl::nr_areas() { return __atomic_load_n(&kmem_areas_used, __ATOMIC_ACQUIRE); }

// False for free shadows and for those locked for a call, which are taken by their lock: a thread that has just locked one may
// have read the word before it was closed.
bool CpuStackImpl::takes_by_fence(CpuId cpu) {
  if (cpu.value < linux_port::nr_cpus) return true;
  const uint64_t state = __atomic_load_n(linux_port::state_of(cpu), __ATOMIC_ACQUIRE);
  return state != ShadowState::kFree && state != ShadowState::kLocked;
}

bool CpuStackImpl::is_at_work(CpuId cpu) {
  if (cpu.value < linux_port::nr_cpus) return false;
  const uint64_t state = __atomic_load_n(linux_port::state_of(cpu), __ATOMIC_ACQUIRE);
  return state != ShadowState::kFree && state != ShadowState::kOwned;
}

uint64_t CpuStackImpl::take_shadow(CpuId shadow, Slot slot) {
  if (shadow.value < linux_port::nr_cpus || !word(shadow, slot)) return 0;
  if (!linux_port::change_state(shadow, ShadowState::kFree, ShadowState::kLocked)) return 0;
  const uint64_t word = __atomic_exchange_n(&words(shadow)[slot.index], 0, __ATOMIC_ACQ_REL);
  linux_port::set_state(shadow, ShadowState::kFree);
  return word;
}

// The thread that forked keeps its own shadow, even if a handler on top of its work forked.
void CpuStackImpl::after_fork() {
  for (uint32_t area = linux_port::nr_cpus; area < nr_areas(); ++area)
    if (words({area}) != kmem_own_words) linux_port::set_state({area}, ShadowState::kFree);
}

}  // namespace kmem
