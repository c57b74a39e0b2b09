// kmem_port_* of the simulated machine: calls are counted, many can be refused, and everything is deterministic.

#include "port/port.h"

#include <string.h>

#include "base/atomic.h"
#include "kmem_port/sim_host.h"
#include "kmem_port/sim_tasks.h"
#include "memory.h"
#include "window.h"

namespace sim_port {

constexpr uint64_t kHour = 3600 * uint64_t{1000000000};

void forget_shadows_only();
void forget_no_sequences();

Host& host() {
  static Host the_host;
  return the_host;
}

void power_on(const Facts& facts) {
  unmap_all();
  close_memory();
  forget_window();
  forget_shadows_only();
  forget_no_sequences();
  stand_on(0);
  // The clock does not go back, not even for a new machine, because rate limits of the core outlive a machine.
  const uint64_t later = host().now_ns + kHour;
  host() = Host{};
  host().facts = facts;
  host().now_ns = later;
}

namespace {

/// Fills memory whose contents are unspecified.
constexpr int kGarbage = 0xdb;

void fill_nodes(kmem::Machine& machine, const Facts& facts) {
  for (uint32_t cpu = 0; cpu < facts.nr_cpus; ++cpu)
    machine.cpu_node[cpu] = cpu < facts.cpu_node.size() ? facts.cpu_node[cpu] : static_cast<uint8_t>(cpu % facts.nr_nodes);
  for (uint32_t from = 0; from < facts.nr_nodes; ++from)
    for (uint32_t to = 0; to < facts.nr_nodes; ++to)
      machine.distance[from][to] = from < facts.distance.size() ? facts.distance[from][to] : from == to ? 10 : 20;
}

}  // namespace
}  // namespace sim_port

extern "C" {

bool kmem_port_boot(kmem::Machine* machine) {
  const sim_port::Facts& facts = sim_port::host().facts;
  machine->nr_cpus = facts.nr_cpus;
  machine->nr_areas = 2 * facts.nr_cpus;
  machine->nr_nodes = facts.nr_nodes;
  machine->binds_nodes = facts.binds_nodes;
  machine->nr_sheaves = facts.nr_sheaves;
  machine->nr_ram = 0;
  machine->physical_bytes = 0;
  for (const kmem::RamRange& range : facts.ram) {
    machine->ram[machine->nr_ram++] = range;
    machine->physical_bytes += range.bytes;
  }
  sim_port::fill_nodes(*machine, facts);
  machine->cpu_stack = kmem::CpuStackMode::Sim;
  machine->command_line = facts.command_line.c_str();
  sim_port::lay_out_memory(*machine);
  return true;
}

kmem::Online kmem_port_online(void* address, size_t bytes) {
  kmem_sim_step();
  if (!sim_port::comes_online(address, bytes)) sim_port::give_up("online: no memory of this machine");
  const bool done = sim_port::host().online.pass() && sim_port::open_memory(address, bytes);
  kmem_sim_step();
  return done ? kmem::Online::Done : kmem::Online::Refused;
}

bool kmem_port_discard(void* address, size_t bytes) {
  kmem_sim_step();
  if (!sim_port::comes_online(address, bytes)) sim_port::give_up("discard: no memory of this machine");
  const bool done = sim_port::host().discard.pass();
  sim_port::discarded_in_window(address, bytes);
  if (done) sim_port::zero_memory(address, bytes);
  else memset(address, sim_port::kGarbage, bytes);
  kmem_sim_step();
  return done;
}

bool kmem_port_protect(void* address, size_t bytes, kmem::Protection wanted) {
  kmem_sim_step();
  return sim_port::protect_memory(address, bytes, wanted);
}
// The simulated machine does not run during the call, so no copy is needed; the test's memory is not searched.
bool kmem_port_with_copy(void (*look)(void*, void*), void* arg, void* result, size_t bytes) {
  memset(result, 0, bytes);
  look(arg, result);
  return true;
}
void kmem_port_each_root(void (*visit)(void*, const char*, const uint64_t*, size_t), void* arg, const void*) {
  for (const auto& [at, n] : sim_port::host().roots) visit(arg, reinterpret_cast<const char*>(at), at, n);
}
void kmem_port_write(int, const char* text, size_t bytes) { sim_port::host().log.append(text, bytes); }
uint32_t kmem_port_task_id() { return 1; }
size_t kmem_port_task_name(char* out, size_t bytes) {
  const size_t n = bytes < 4 ? 0 : 3;
  memcpy(out, "sim", n);
  if (bytes) out[n] = 0;
  return n;
}

void* kmem_port_map(size_t bytes, size_t align) {
  kmem_sim_step();
  void* got = sim_port::host().map.pass() ? sim_port::map_memory(bytes, align) : nullptr;
  sim_port::host().nr_mapped = sim_port::nr_mapped();
  return got;
}

void kmem_port_unmap(void* address, size_t bytes, kmem::Guards) {
  kmem_sim_step();
  if (!sim_port::unmap_memory(address, bytes)) sim_port::give_up("unmap: not what map() gave");
  sim_port::host().nr_mapped = sim_port::nr_mapped();
}

void* kmem_port_remap(void* address, size_t old_bytes, size_t new_bytes) {
  kmem_sim_step();
  if (!sim_port::host().map.pass()) return nullptr;
  return sim_port::remap_memory(address, old_bytes, new_bytes);
}

bool kmem_port_cpus(kmem::HostCpus, uint64_t* mask, unsigned words) {
  memset(mask, 0, words * sizeof *mask);
  for (uint32_t cpu = 0; cpu < sim_port::host().facts.nr_cpus && cpu < words * 64; ++cpu)
    mask[cpu / 64] |= uint64_t{1} << cpu % 64;
  return true;
}

/// The facts determine the number of CPUs.
uint32_t kmem_port_keep_to_cpus(uint32_t) { return 0; }

bool kmem_port_fence_cpus(kmem::Fence fence) {
  kmem_sim_step();
  if (fence == kmem::Fence::Unasked && !sim_port::host().fences_unasked) return false;
  if (!sim_port::host().fence.pass()) return false;
  sim_port::fence_others();
  kmem_sim_step();
  return true;
}

void kmem_port_wait(const uint32_t* word, uint32_t expected, uint64_t deadline_ns) {
  kmem_sim_step();
  if (__atomic_load_n(word, __ATOMIC_RELAXED) == expected) sim_port::wait_on(word, deadline_ns);
}
void kmem_port_wake(const uint32_t* word, uint32_t most) {
  kmem_sim_step();
  sim_port::wake_on(word, most);
}
bool kmem_port_bind(void* address, size_t bytes, unsigned node) {
  kmem_sim_step();
  sim_port::host().bound.push_back({address, bytes, node});
  return true;
}
uint64_t kmem_port_room() {
  kmem_sim_step();
  ++sim_port::host().nr_looks;
  return sim_port::host().room ? sim_port::host().room() : kmem::kNoBound;
}
bool kmem_port_watch_pressure() { return sim_port::host().watches_pressure; }
bool kmem_port_pressure(uint64_t wait_ns) {
  static uint32_t nobody;
  kmem_sim_step();
  if (!sim_port::host().pressure && wait_ns)
    kmem_port_wait(&nobody, 0, wait_ns == kmem::kForever ? kmem::kForever : kmem_port_now_ns() + wait_ns);
  if (!sim_port::host().pressure) return false;
  --sim_port::host().pressure;
  return true;
}
// A test must run the body as a task.
bool kmem_port_spawn(void (*body)(void*), void* argument) {
  if (!sim_port::host().spawn.pass()) return false;
  sim_port::host().spawned.push_back([=] { body(argument); });
  return true;
}
kmem::TaskState* kmem_port_task() { return &sim_port::task_state(); }
bool kmem_port_in_interrupt() { return sim_port::in_interrupt(); }
uint64_t kmem_port_irq_save() { return sim_port::interrupts_off(true); }
void kmem_port_irq_restore(uint64_t flags) { sim_port::interrupts_off(flags != 0); }

uint64_t kmem_port_now_ns() { return sim_port::host().now_ns; }
uint64_t kmem_port_entropy() { return 0x9e3779b97f4a7c15u; }
void kmem_port_early() {
  if (sim_port::host().facts.early) sim_port::host().facts.early();
}
void kmem_port_log(const char* text, size_t bytes) { sim_port::host().log.append(text, bytes); }

void kmem_port_panic() {
  ++sim_port::host().nr_panics;
  sim_port::give_up("panic");
}
}
