#pragma once
// The data of a CPU, and the few instructions that differ between processors.

#include "base/types.h"

namespace bare {

inline constexpr unsigned kMostCpus = 64;

struct Task;
/// Addressed by %gs, or TPIDR_EL1; assembler code depends on the first words.
struct Cpu {
  Cpu* self = nullptr;
  uint64_t words = 0;  // the distance of this CPU's words from the base (port/layout.h)
  uint32_t id = 0;
  alignas(8) Task* current = nullptr;
  alignas(8) int32_t percpu = 0;  // this CPU's number, for steps on its copies; -1 while the task must not do any
  Task* idle = nullptr;
  uint32_t hardware_id = 0;
  bool up = false, must_schedule = false;
  bool waits = false;  // for an interrupt: it runs nothing
  uint64_t seen = 0;   // the last pass_by_all() that this CPU has handled
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
/// Of a task that begins.
inline constexpr uint64_t kInterruptsOn = 0x200;
inline void relax() { asm volatile("pause"); }
inline void set_current_task(Cpu& cpu, Task* task) { cpu.current = task; }
/// With interrupts on; returns after one.
inline void wait_for_interrupt() { asm volatile("sti\n\thlt" : : : "memory"); }

#elif defined(__i386__)

inline Cpu& this_cpu() {
  Cpu* cpu;
  asm volatile("movl %%gs:0, %0" : "=r"(cpu));
  return *cpu;
}
/// In one instruction, so that the result is right even if the task migrates.
inline Task* current_task() {
  Task* task;
  asm volatile("movl %%gs:24, %0" : "=r"(task));
  return task;
}
inline uint32_t this_cpu_id() {
  uint32_t id;
  asm volatile("movl %%gs:16, %0" : "=r"(id));
  return id;
}
inline uint64_t irq_save() {
  uint32_t flags;
  asm volatile("pushfl\n\tpopl %0\n\tcli" : "=r"(flags) : : "memory");
  return flags;
}
inline void irq_restore(uint64_t flags) {
  if (flags & 0x200) asm volatile("sti" : : : "memory");
}
/// Of a task that begins.
inline constexpr uint64_t kInterruptsOn = 0x200;
inline void relax() { asm volatile("pause"); }
inline void set_current_task(Cpu& cpu, Task* task) { cpu.current = task; }
/// With interrupts on; returns after one.
inline void wait_for_interrupt() { asm volatile("sti\n\thlt" : : : "memory"); }

#elif defined(__aarch64__)

inline Cpu& this_cpu() {
  Cpu* cpu;
  asm volatile("mrs %0, tpidr_el1" : "=r"(cpu));
  return *cpu;
}
/// It is in a register of its own, so that the result is right even if the task migrates.
inline Task* current_task() {
  Task* task;
  asm volatile("mrs %0, tpidrro_el0" : "=r"(task));
  return task;
}
inline void set_current_task(Cpu& cpu, Task* task) {
  cpu.current = task;
  asm volatile("msr tpidrro_el0, %0" : : "r"(task) : "memory");
}
inline uint32_t this_cpu_id() { return this_cpu().id; }
/// Of a task that begins.
inline constexpr uint64_t kInterruptsOn = 0, kInterruptsOff = 1 << 7;
inline uint64_t irq_save() {
  uint64_t flags;
  asm volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(flags) : : "memory");
  return flags;
}
inline void irq_restore(uint64_t flags) {
  if (!(flags & kInterruptsOff)) asm volatile("msr daifclr, #2" : : : "memory");
}
/// In a loop that waits for another CPU; answers pass_by_all() where interrupts are off.
void relax();
/// With interrupts on afterwards; returns after one.
void wait_for_interrupt();

#else
#error "ports/bare has no such processor"
#endif

}  // namespace bare
