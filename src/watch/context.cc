#include "watch/context.h"

#include "port/port.h"
#include "watch/rate_limit.h"

namespace kmem {
namespace {

Atomic<bool> every_call;
Atomic<bool> processor_ids;

/// One call site: entered once, never removed.
struct Site {
  Atomic<uint64_t> address;
  Atomic<uint32_t> rarity;  // of 2^rarity calls one is looked at, about
  Atomic<uint32_t> reported;
};
constexpr uint32_t kMostRarity = 14;
constexpr uint32_t kSites = 1024;
constexpr uint32_t kProbes = 8;
Site sites[kSites];
RateLimit crowded;  // for sites that found no room in the table

/// The site's entry; null if all entries that it may use are taken by other sites.
Site* site_of(const void* address) {
  const auto key = reinterpret_cast<uint64_t>(address);
  const auto home = static_cast<uint32_t>((key * 0x9e3779b97f4a7c15u) >> 54);
  for (uint32_t i = 0; i < kProbes; ++i) {
    Site& site = sites[(home + i) % kSites];
    uint64_t seen = site.address.peek();
    if (seen == key) return &site;
    if (!seen && (site.address.compare_exchange(seen, key) || seen == key)) return &site;
  }
  return nullptr;
}

/// Numbers of 16 bits in an order of the task's own (a linear congruence; Knuth, Seminumerical Algorithms, 3.2).
uint32_t draw() {
  Atomic<uint16_t>& state = kmem_port_task()->draws;
  const auto next = static_cast<uint16_t>(state.peek() * 25173u + 13849u);
  state.poke(next);
  return next;
}

/// The site's entry is written once for each doubling and not for each call: CPUs that allocate at the same place would
/// otherwise pass its line to and fro.
bool is_turn(Site& site) {
  const uint32_t rarity = site.rarity.peek();
  if (draw() >> (16 - rarity)) return false;
  if (rarity < kMostRarity) site.rarity.poke(rarity + 1);
  return true;
}

bool is_first_report(Site* site) {
  return site ? !site->reported.peek() && !site->reported.exchange(1) : crowded.ask().allowed;
}

const char* name_of(uint32_t count, bool found) {
  if (count & preempt::kNmiMask) return "an NMI";
  if (count & preempt::kHardirqMask) return "an interrupt";
  if (found) return "a signal handler that did not declare itself";
  if (count & preempt::kSoftirqMask) return "a softirq, or softirqs are off";
  if (count) return "preemption is off, or a spin lock is held";
  const TaskState& task = *kmem_port_task();
  if (task.irqs_off.peek()) return "interrupts are off";
  return task.rcu.peek() & kRcuDepth ? "rcu_read_lock() is held" : "non_block_start()";
}

}  // namespace

bool in_interrupt() { return (preempt_count() & preempt::kInterruptMask) || kmem_port_in_interrupt(); }
bool may_sleep() { return !declared_atomic() && !kmem_port_in_interrupt(); }
void check_every_sleep(bool on) { every_call.poke(on); }

SleepCheck::SleepCheck(const void* site) {
  if (declared_atomic()) cause_ = Declared;
  if (!site) return;
  Site* known = site_of(site);
  if (cause_ == None && (every_call.peek() || (known && is_turn(*known))) && kmem_port_in_interrupt()) cause_ = Found;
  if (cause_ != None) news_ = is_first_report(known);
}

void SleepCheck::describe(Report& report, const char* where, unsigned line) const {
  const TaskState& task = *kmem_port_task();
  const uint32_t count = task.preempt_count.peek();
  TextOf<200> place;
  place.put(where);
  if (line) place.put(':').dec(line);
  report.line("BUG: sleeping function called from invalid context at %s", place.data());
  report.line("in_atomic(): %d, irqs_disabled(): %d, non_block: %d, in_interrupt(): %d", count != 0, task.irqs_off.peek() != 0,
              static_cast<int>(task.non_block.peek()), cause_ == Found || (count & preempt::kInterruptMask) != 0);
  report.line("preempt_count: %x, expected: 0; context: %s", count, name_of(count, cause_ == Found));
  report.line("RCU nest depth: %d, expected: 0", task.rcu.peek() & kRcuDepth);
}

void check_sleep(const char* file, unsigned line, const void* site) {
  const SleepCheck check(site);
  if (!check.is_news()) return;
  {
    Report report;
    check.describe(report, file, line);
    report.call_trace();
  }
  after_report();
}

void check_processor_ids(bool on) { processor_ids.poke(on); }
bool checks_processor_ids() { return KMEM_UNLIKELY(processor_ids.peek()); }

void check_preemptible(const char* what, const void* site) {
  const TaskState& task = *kmem_port_task();
  if ((task.preempt_count.peek() | task.irqs_off.peek()) || !is_first_report(site_of(site))) return;
  char name[16];
  kmem_port_task_name(name, sizeof name);
  {
    Report report;
    report.line("BUG: using %s in preemptible [%08x] code: %s/%u", what, task.preempt_count.peek(), name, kmem_port_task_id());
    report.call_trace();
  }
  after_report();
}

void forget_sleep_sites() {
  for (Site& site : sites) {
    site.address.poke(0);
    site.rarity.poke(0);
    site.reported.poke(0);
  }
}

}  // namespace kmem
