#pragma once
// The data of a CPU, and the few instructions that differ between processors.

#include "base/types.h"

namespace bare {

inline constexpr unsigned kMostCpus = 64;

struct Task;
/// Addressed by %gs; assembler code depends on the first words.
struct Cpu {
  Cpu* self = nullptr;
  uint64_t words = 0;  // the distance of this CPU's words from the base (port/layout.h)
  uint32_t id = 0, irq_depth = 0;
  Task* current = nullptr;
  int32_t percpu = 0;  // this CPU's number, for steps on its copies; -1 while the task must not do any
  Task* idle = nullptr;
  uint32_t hardware_id = 0;
  bool up = false, must_schedule = false;
  uint64_t seen = 0;  // the last pass_by_all() that this CPU has handled
  uint64_t nr_ticks = 0, nr_restarts = 0, nr_passes = 0;
};

#if defined(__x86_64__)

inline Cpu& this_cpu() {
  Cpu* cpu;
  asm volatile("movq %%gs:0, %0" : "=r"(cpu));
  return *cpu;
}
/// In one instruction, so that the result is right even if the task migrates.
inline Task* current_task() {
  Task* task;
  asm volatile("movq %%gs:24, %0" : "=r"(task));
  return task;
}
inline uint32_t this_cpu_id() {
  uint32_t id;
  asm volatile("movl %%gs:16, %0" : "=r"(id));
  return id;
}
inline uint64_t irq_save() {
  uint64_t flags;
  asm volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags) : : "memory");
  return flags;
}
inline void irq_restore(uint64_t flags) {
  if (flags & 0x200) asm volatile("sti" : : : "memory");
}
inline void relax() { asm volatile("pause"); }

#else
#error "ports/bare has no such processor"
#endif

}  // namespace bare
