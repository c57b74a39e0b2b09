#pragma once
// The port's per-CPU stacks of pointers.
//
// Restartable sequences can protect only what ends in one store, so what crosses the port is this data type and
// not a pair of enter and leave.  The port supplies, in <kmem_port/cpu_stack_impl.h>, struct CpuStackImpl with the
// static functions that the concept below asks for.
//
//   try_pop(slot)             takes the topmost pointer of this CPU's stack; null when it has none, or something came between
//   try_pop_counted(slot, bytes, due)  the same, and the bytes are subtracted from this CPU's word kCountdown.  Null: nothing
//                             was taken, and counted where `due` says that the word is below zero now.  What came between
//                             may have been counted all the same
//   try_push(slot, p)         puts p on top; Push::Full when there is no room, or something came between
//                             Push::Same when p is already the topmost: it was freed twice in a row
//   try_push_object<D>(…)     the same after a check that p can be an object at all, else Push::Inside
//   try_pop_some(slot, out, n)   the same with several: moves up to n pointers from the top to out[0 ..) in one step: how many
//   try_push_some(slot, in, n, fit)  puts as many of in[0 .. n) on top as there is room for, in one step, in[0] topmost: how
//                             many; kUnfit and nothing done where they do not fit together as `fit` asks, or in[0] is the
//                             topmost already
//   pop(slot), push(slot, p)  the same for any thread, whatever comes between: also by way of a shadow CPU, whose lock is
//                             only tried
//   where()                   this CPU, or the shadow CPU that stands for a thread without restartable sequences
//   hint()                    a number that is this CPU's as a rule; any number may come
//   word(cpu, slot)           that CPU's word, which may change at any time
//   replace(cpu, slot, a, b)  if we still run on that CPU and its word is a, makes it b: one step, also against
//                             interrupts; false when anything was different, or the shadow CPU is in use
//
//   nr_areas()                areas of words that may hold something are below this: the CPUs', then the shadow CPUs'
//   take_shadow(cpu, slot)    takes the word out of a shadow CPU that nobody uses; 0 of any other, and of a CPU
//   takes_by_fence(cpu)       does a remote take close, fence and look there?  Not on a shadow CPU that take_shadow() serves
//   is_at_work(cpu)           is anybody in a call on that shadow CPU?  Of a CPU: no, its sequences answer to the fence
//   Own::try_pop(base, slot), try_push, try_push_object<D>   as those above, of a thread that has a shadow CPU of its own
//                             instead of sequences; they refuse for any other, and for a handler over such a call
//   use_shadows_only()        no restartable sequences from now on (at boot)
//   after_fork()              in the child: what other threads of the parent held is free
//
// A word is as port/layout.h says.

#include "base/attributes.h"
#include "port/layout.h"

namespace kmem {
enum class Push : uint8_t { Done, Full, Same, Inside };
/// What must hold for several pointers that are pushed at once: they agree in the bits `same`, and have none of `zero` set.
struct Fit {
  uint64_t same = 0;
  uint64_t zero = 0;
};
inline constexpr unsigned kUnfit = ~0u;
}  // namespace kmem

/// The base of port/layout.h; null until boot.
extern "C" KMEM_HIDDEN char* kmem_base;

#include "kmem_port/cpu_stack_impl.h"

namespace kmem {
template <typename S>
concept CpuStackPort = requires(Slot slot, CpuId cpu, void* p, uint64_t word, void** some, bool due) {
  {static_cast<void*>(S::try_pop(slot))};
  {static_cast<void*>(S::try_pop_counted(kmem_base, slot, size_t{1}, due))};
  {static_cast<Push>(S::try_push(slot, p))};
  {static_cast<unsigned>(S::try_pop_some(slot, some, 1u))};
  {static_cast<unsigned>(S::try_push_some(slot, some, 1u, Fit{}))};
  {static_cast<void*>(S::pop(slot))};
  {static_cast<Push>(S::push(slot, p))};
  {static_cast<uint64_t>(S::take_shadow(cpu, slot))};
  {static_cast<uint32_t>(S::nr_areas())};
  {static_cast<bool>(S::takes_by_fence(cpu))};
  {static_cast<bool>(S::is_at_work(cpu))};
  {static_cast<void*>(S::Own::try_pop(kmem_base, slot))};
  {static_cast<Push>(S::Own::try_push(kmem_base, slot, p))};
  {S::after_fork()};
  {S::use_shadows_only()};
  {static_cast<CpuId>(S::where())};
  {static_cast<uint32_t>(S::hint())};
  {static_cast<uint64_t>(S::word(cpu, slot))};
  {static_cast<bool>(S::replace(cpu, slot, word, word))};
};
static_assert(CpuStackPort<CpuStackImpl>, "the port's CpuStackImpl lacks a function that the core needs");
using CpuStack = CpuStackImpl;
}  // namespace kmem
