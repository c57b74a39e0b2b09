// The slow paths of the per-CPU stacks: the choice of CPU or shadow, and exchanges by restartable sequence.  Shadow CPUs:
// shadows.h.

#include "port/cpu_stack.h"

#include <stddef.h>
#include <sys/rseq.h>

#include "linux_port.h"
#include "shadows.h"

ptrdiff_t kmem_rseq_offset = 0;

linux_port::ThreadMarks& linux_port::thread_marks() {
  static thread_local ThreadMarks mine __attribute__((tls_model("initial-exec")));
  return mine;
}

namespace kmem {
namespace {

int32_t this_cpu_id() {
  const char* thread = static_cast<const char*>(__builtin_thread_pointer());
  return *reinterpret_cast<const volatile int32_t*>(thread + kmem_rseq_offset + 4);
}

// The boot word rseq=off: no CPU has a sheaf, so the fast paths find none, and the slow paths use shadows only.
bool shadows_only = false;

/// A debugger that steps through a thread aborts each of its sequences, however often it is tried.  After a few aborts in
/// a row the thread works on a shadow for a while.
constexpr uint16_t kMostAborts = 3, kCallsOnShadow = 256;

/// Calls try_once() until it is done, or was refused for a reason, or has been aborted too often: false then.
template <typename Try, typename Reason>
bool try_in_sequence(Try try_once, Reason has_reason) {
  for (linux_port::ThreadMarks& mine = linux_port::thread_marks();;) {
    if (try_once() || has_reason()) return mine.aborts_in_a_row = 0, true;
    if (++mine.aborts_in_a_row < kMostAborts) continue;
    mine.aborts_in_a_row = 0;
    mine.calls_on_shadow = kCallsOnShadow;
    return false;
  }
}

bool use_sequences() {
  uint16_t& calls = linux_port::thread_marks().calls_on_shadow;
  if (KMEM_UNLIKELY(calls)) return --calls, false;
  return !shadows_only;
}

void* top_of(uint64_t word) {
  return __atomic_load_n(reinterpret_cast<void**>(kmem_base + word * kWordUnit), __ATOMIC_RELAXED);
}
bool is_full(uint64_t word) { return !(word & 0xff); }

bool is_shadow(CpuId cpu) { return cpu.value >= linux_port::nr_cpus; }

/// A shared shadow for a thread that has sequences but cannot use them now, since it needs it only for a short time; its own
/// shadow for others.
CpuId shadow_here() {
  CpuId shadow;
  const bool has_sequences = this_cpu_id() >= 0 && !shadows_only;
  return !has_sequences && linux_port::own_shadow(shadow) ? shadow : linux_port::shared_shadow();
}

}  // namespace

void CpuStackImpl::use_shadows_only() { shadows_only = true; }

CpuId CpuStackImpl::where() {
  const int32_t id = this_cpu_id();
  return id >= 0 && use_sequences() ? CpuId{static_cast<uint32_t>(id)} : shadow_here();
}

bool CpuStackImpl::replace(CpuId cpu, Slot slot, uint64_t expected, uint64_t desired) {
  uint64_t* word = words(cpu) + slot.index;
  bool done = false;
  KMEM_GIVES(word);
  if (is_shadow(cpu)) done = linux_port::replace_on_shadow(cpu, slot, expected, desired);
  else
    try_in_sequence([&] { return done = replace_here(word, cpu.value, expected, desired); },
                    [&] { return this_cpu_id() != static_cast<int32_t>(cpu.value) || CpuStack::word(cpu, slot) != expected; });
  if (done) KMEM_TAKES(word);
  return done;
}

void* CpuStackImpl::pop(Slot slot) {
  const CpuId cpu = where();
  void* top = nullptr;
  const auto pop_here = [&] { return (top = try_pop(slot)) != nullptr; };
  const auto is_empty = [&] { return !top_of(word(cpu, slot)); };
  if (!is_shadow(cpu) && try_in_sequence(pop_here, is_empty)) return top;
  return linux_port::pop_on_shadow(is_shadow(cpu) ? cpu : shadow_here(), slot);
}

Push CpuStackImpl::push(Slot slot, const void* p) {
  const CpuId cpu = where();
  Push result = Push::Full;
  const auto push_here = [&] { return (result = try_push(slot, p)) != Push::Full; };
  const auto no_room = [&] { return is_full(word(cpu, slot)); };
  if (!is_shadow(cpu) && try_in_sequence(push_here, no_room)) return result;
  return linux_port::push_on_shadow(is_shadow(cpu) ? cpu : shadow_here(), slot, p);
}

}  // namespace kmem
