#pragma once
// The port's per-CPU stacks of pointers.
//
// Restartable sequences can protect only what ends in one store, so what crosses the port is this data type and
// not a pair of enter and leave.  The port supplies, in <kmem_port/cpu_stack_impl.h>, struct CpuStackImpl with the
// static functions that the concept below asks for.
//
//   try_pop(slot)             takes the topmost pointer of this CPU's stack; null when it has none
//   try_push(slot, p)         puts p on top; Push::Full when there is no room
//                             Push::Same when p is already the topmost: it was freed twice in a row
//   try_push_object<D>(…)     the same after a check that p can be an object at all, else Push::Inside
//   try_pop_some(slot, out, n)   moves up to n pointers from the top to out[0 ..) in one step: how many
//   try_push_some(slot, in, n, fit)  puts as many of in[0 .. n) on top as there is room for, in one step, in[0] topmost: how
//                             many; kUnfit and nothing done where they do not fit together as `fit` asks, or in[0] is the
//                             topmost already
//   pop(slot), push(slot, p)  the same for any thread: also by way of a shadow CPU, whose lock is only tried
//   where()                   this CPU, or the shadow CPU that stands for a thread without restartable sequences
//   word(cpu, slot)           that CPU's word, which may change at any time
//   replace(cpu, slot, a, b)  if we still run on that CPU and its word is a, makes it b: one step, also against
//                             interrupts; false when anything was different, or the shadow CPU is in use
//
//   take_shadow(cpu, slot)    takes the word out of a shadow CPU; 0 when it has none or is in use
//   use_shadows_only()        no restartable sequences from now on (at boot)
//   after_fork()              in the child: what other threads of the parent held is free
//
// A word is as port/layout.h says.

#include "base/attributes.h"
#include "port/layout.h"

namespace kmem {
enum class Push : uint8_t { Done, Full, Same, Inside };
/// What several pointers that are pushed at once have in common: they agree in the bits `same`, and have none of `zero`.
struct Fit {
  uint64_t same = 0;
  uint64_t zero = 0;
};
inline constexpr unsigned kUnfit = ~0u;
/// A CPU number; from Machine::nr_cpus on they are shadow CPUs.
struct CpuId {
  uint32_t value = 0;
};
}  // namespace kmem

/// The base of port/layout.h; null until boot.
extern "C" KMEM_HIDDEN char* kmem_base;

#include "kmem_port/cpu_stack_impl.h"

namespace kmem {
template <typename S>
concept CpuStackPort = requires(Slot slot, CpuId cpu, void* p, uint64_t word, void** some) {
  { static_cast<void*>(S::try_pop(slot)) };
  { static_cast<Push>(S::try_push(slot, p)) };
  { static_cast<unsigned>(S::try_pop_some(slot, some, 1u)) };
  { static_cast<unsigned>(S::try_push_some(slot, some, 1u, Fit{})) };
  { static_cast<void*>(S::pop(slot)) };
  { static_cast<Push>(S::push(slot, p)) };
  { static_cast<uint64_t>(S::take_shadow(cpu, slot)) };
  { S::after_fork() };
  { S::use_shadows_only() };
  { static_cast<CpuId>(S::where()) };
  { static_cast<uint64_t>(S::word(cpu, slot)) };
  { static_cast<bool>(S::replace(cpu, slot, word, word)) };
};
static_assert(CpuStackPort<CpuStackImpl>, "the port's CpuStackImpl lacks a function that the core needs");
using CpuStack = CpuStackImpl;
}  // namespace kmem
