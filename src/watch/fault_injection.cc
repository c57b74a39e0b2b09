#include "watch/fault_injection.h"

#include "port/port.h"
#include "port/task.h"
#include "watch/counters.h"
#include "watch/report.h"

uint32_t kmem_faults_armed = 0;

namespace kmem {
namespace {

constexpr uint32_t kTaskIsCounted = 1, kTaskMayFail = 2, kOneExemption = 256;

/// One failure point: its attributes and counts.
struct Attributes {
  FaultSettings settings;
  Atomic<int64_t> times;
  Atomic<uint64_t> space;
  Atomic<uint64_t> calls;
  Atomic<uint64_t> draws;
  Counter injected;
};

/// One call that may be made to fail.
struct Call {
  FaultPoint point;
  uint32_t gfp;
  size_t size;
  const char* cache;
  bool marked;
};

struct Injection {
  Attributes points[kNrFaultPoints];
  FailNth nth;
  FaultRecord own_record;
  Atomic<SharedFaultRecord*> record;
  Atomic<uint32_t> nr_tasks;
  void (*listener)(Faults now) = nullptr;
  RateLimit limit;
};
constinit Injection injection;

FaultRecord& record() {
  SharedFaultRecord* shared = injection.record.load();
  return shared ? *shared : injection.own_record;
}

Attributes& attributes(FaultPoint point) { return injection.points[static_cast<unsigned>(point)]; }
uint32_t bit_of(FaultPoint point) { return uint32_t{1} << static_cast<unsigned>(point); }

bool same(const char* a, const char* b) {
  for (; *a && *a == *b; ++a, ++b) {
  }
  return *a == *b;
}

// Arming -------------------------------------------------------------------------------------------------------------

// The fast paths are closed before the first point is armed, and open again after the last: calls that arrive meanwhile
// only take longer.
void arm(uint32_t bits) {
  const uint32_t before = __atomic_load_n(&kmem_faults_armed, __ATOMIC_ACQUIRE);
  if (!before && injection.listener) injection.listener(Faults::Injected);
  __atomic_fetch_or(&kmem_faults_armed, bits, __ATOMIC_ACQ_REL);
}

void disarm(uint32_t bits) {
  const uint32_t before = __atomic_fetch_and(&kmem_faults_armed, ~bits, __ATOMIC_ACQ_REL);
  if (before && !(before & ~bits) && injection.listener) injection.listener(Faults::Off);
}

// Filters ------------------------------------------------------------------------------------------------------------

/// The last part of a path.
const char* file_name(const char* path) {
  const char* name = path;
  for (; *path; ++path)
    if (*path == '/') name = path + 1;
  return name;
}

bool lies_in(const CodeSite& site, void* frame) {
  if (!site.module[0]) {
    const auto at = reinterpret_cast<uint64_t>(frame);
    return site.start <= at && at < site.end;
  }
  char path[232];
  uint64_t offset;
  return kmem_port_locate(frame, path, sizeof path, &offset) && same(file_name(path), site.module);
}

bool any_frame_in(const CodeSite* sites, unsigned nr_sites, void* const* frames, unsigned nr_frames) {
  for (unsigned f = 0; f < nr_frames; ++f)
    for (unsigned s = 0; s < nr_sites; ++s)
      if (lies_in(sites[s], frames[f])) return true;
  return false;
}

// As in the kernel: one address of the trace in a required range is enough, and one in a rejected range excludes the call.
bool passes_sites(const FaultSettings& s) {
  if (!s.nr_required && !s.nr_rejected) return true;
  constexpr unsigned kMost = 32;
  void* frames[kMost];
  const unsigned n = kmem_port_backtrace(frames, s.stacktrace_depth < kMost ? s.stacktrace_depth : kMost);
  if (any_frame_in(s.rejected, s.nr_rejected, frames, n)) return false;
  return !s.nr_required || any_frame_in(s.required, s.nr_required, frames, n);
}

bool passes_caches(const FaultSettings& s, const char* cache, bool marked) {
  if (s.cache_filter && !marked) return false;
  if (!s.caches[0][0]) return true;
  for (const auto& wanted : s.caches)
    if (cache && wanted[0] && same(wanted, cache)) return true;
  return false;
}

bool passes_flags(const FaultSettings& s, const Call& call) {
  if (s.ignore_gfp_wait && (call.gfp & kFaultGfpWait)) return false;
  if (s.ignore_gfp_highmem && (call.gfp & kFaultGfpHighMem)) return false;
  if ((call.gfp & s.gfp_required) != s.gfp_required || (call.gfp & s.gfp_rejected)) return false;
  return call.size > (uint64_t{kPageSize} << s.min_order) / 2 || !s.min_order;
}

// Deciding -----------------------------------------------------------------------------------------------------------

// One multiplication spreads the counter over 64 bits, another mixes the seed in (the finalizer of MurmurHash3): the
// sequence depends on nothing but the seed.
uint64_t draw(uint64_t seed, uint64_t nr) {
  uint64_t x = seed + nr * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
  return x ^ (x >> 33);
}

/// Takes one off `times`, which never goes below zero; -1 is no limit.
bool take_one(Atomic<int64_t>& times) {
  int64_t left = times.load();
  while (left > 0)
    if (times.compare_exchange(left, left - 1)) return true;
  return left < 0;
}

bool still_within_space(Attributes& a, size_t size) {
  uint64_t left = a.space.load();
  while (left > size)
    if (a.space.compare_exchange(left, left - size)) return true;
  return false;
}

bool attributes_say_so(Attributes& a, const Call& call, const TaskState& task) {
  const FaultSettings& s = a.settings;
  if (!s.probability || (s.task_filter && !(task.faults.peek() & kTaskMayFail))) return false;
  if (!a.times.load() || !passes_flags(s, call) || !passes_caches(s, call.cache, call.marked) || !passes_sites(s)) return false;
  if (still_within_space(a, call.size)) return false;
  if (s.interval > 1 && (a.calls.fetch_add(1) + 1) % s.interval) return false;
  if (s.probability < 100 && draw(s.seed, a.draws.fetch_add(1)) % 100 >= s.probability) return false;
  return take_one(a.times);
}

bool tasks_turn_has_come(TaskState& task) {
  const uint32_t left = task.fail_nth.peek();
  if (left) task.fail_nth.poke(left - 1);
  return left == 1;
}

bool programs_turn_has_come() {
  const FailNth& nth = injection.nth;
  const uint64_t n = record().nr_points.fetch_add(1) + 1;
  return nth.n && (n == nth.n || (nth.forever && n > nth.n));
}

// Telling ------------------------------------------------------------------------------------------------------------

void copy_text(char* to, const char* from, size_t room) {
  size_t i = 0;
  for (; from && i + 1 < room && from[i]; ++i) to[i] = from[i];
  to[i] = 0;
}

void describe(FaultRecord& r, const Call& call) {
  uint32_t nothing = FaultRecord::Nothing;
  if (!r.described.compare_exchange(nothing, FaultRecord::Filling)) return;
  r.gfp = call.gfp;
  r.size = call.size;
  r.point = static_cast<uint32_t>(call.point);
  copy_text(r.cache, call.cache, sizeof r.cache);
  if (SharedFaultRecord* shared = injection.record.load()) kmem_port_save_stack(&shared->stack);
  r.described.store(FaultRecord::Whole);
}

using Number = unsigned long long;

// The kernel's lines.
void tell(const Attributes& a, const Call& call, uint32_t verbose) {
  if (!verbose || !injection.limit.ask().allowed) return;
  const FaultSettings& s = a.settings;
  Report report("");
  report.line("FAULT_INJECTION: forcing a failure.");
  report.line("name %s, interval %u, probability %u, space %llu, times %lld", fault_point_name(call.point), s.interval,
              s.probability, static_cast<Number>(a.space.peek()), static_cast<long long>(a.times.peek()));
  report.line("function %s, size %zu, gfp %#x, seed %#llx%s%s", fault_function_name(call.point), call.size, call.gfp,
              static_cast<Number>(s.seed), call.cache ? ", cache " : "", call.cache ? call.cache : "");
  if (verbose > 1) report.call_trace();
}

bool fail(Attributes& a, const Call& call, uint32_t verbose) {
  a.injected.add();
  record().nr_failed.fetch_add(1);
  tell(a, call, verbose);
  return true;
}

}  // namespace

bool should_fail_slowly(FaultPoint point, uint32_t gfp, size_t size, const char* cache, bool marked) {
  if (gfp & kFaultGfpNoFail) return false;
  TaskState& task = *kmem_port_task();
  if (task.faults.peek() >= kOneExemption) return false;
  const uint32_t armed = __atomic_load_n(&kmem_faults_armed, __ATOMIC_ACQUIRE);
  const Call call{point, gfp, size, cache, marked};
  Attributes& a = attributes(point);
  if ((armed & kArmedProgram) && programs_turn_has_come()) {
    describe(record(), call);
    return fail(a, call, injection.nth.verbose);
  }
  if (tasks_turn_has_come(task)) return fail(a, call, a.settings.verbose);
  return (armed & bit_of(point)) && attributes_say_so(a, call, task) && fail(a, call, a.settings.verbose);
}

void FaultExempt::enter() {
  Atomic<uint32_t>& faults = kmem_port_task()->faults;
  faults.poke(faults.peek() + kOneExemption);
}

void FaultExempt::leave() {
  Atomic<uint32_t>& faults = kmem_port_task()->faults;
  faults.poke(faults.peek() - kOneExemption);
}

// Settings -----------------------------------------------------------------------------------------------------------

void set_fault_listener(void (*listener)(Faults now)) { injection.listener = listener; }

void set_fault(FaultPoint point, const FaultSettings& settings) {
  Attributes& a = attributes(point);
  disarm(bit_of(point));
  a.settings = settings;
  if (!settings.seed) a.settings.seed = kmem_port_entropy() | 1;
  a.times.store(settings.times);
  a.space.store(settings.space);
  a.calls.store(0);
  a.draws.store(0);
  a.injected.take();
  if (settings.on && settings.probability) arm(bit_of(point));
}

void set_fail_nth(const FailNth& nth, SharedFaultRecord* shared) {
  disarm(kArmedProgram);
  injection.nth = nth;
  injection.record.store(shared);
  FaultRecord& own = injection.own_record;
  if (!shared) {
    own.nr_points.store(0);
    own.nr_failed.store(0);
    own.described.store(FaultRecord::Nothing);
  }
  if (nth.on) arm(kArmedProgram);
}

void reset_faults() {
  for (unsigned i = 0; i < kNrFaultPoints; ++i) set_fault(static_cast<FaultPoint>(i), FaultSettings{});
  set_fail_nth(FailNth{}, nullptr);
  set_task_fail_nth(0);
  set_task_make_it_fail(false);
}

// A task that ends while it is counted leaves the slow path on: slower, but correct.
void set_task_fail_nth(uint32_t n) {
  TaskState& task = *kmem_port_task();
  task.fail_nth.poke(n);
  const bool counted = task.faults.peek() & kTaskIsCounted;
  if (n && !counted) {
    task.faults.poke(task.faults.peek() | kTaskIsCounted);
    if (injection.nr_tasks.fetch_add(1) == 0) arm(kArmedTasks);
  } else if (!n && counted) {
    task.faults.poke(task.faults.peek() & ~kTaskIsCounted);
    if (injection.nr_tasks.fetch_sub(1) == 1) disarm(kArmedTasks);
  }
}

uint32_t task_fail_nth() { return kmem_port_task()->fail_nth.peek(); }

void set_task_make_it_fail(bool on) {
  Atomic<uint32_t>& faults = kmem_port_task()->faults;
  faults.poke(on ? faults.peek() | kTaskMayFail : faults.peek() & ~kTaskMayFail);
}

// Looking ------------------------------------------------------------------------------------------------------------

FaultSettings fault_settings(FaultPoint point) { return attributes(point).settings; }
uint64_t nr_faults_injected(FaultPoint point) { return attributes(point).injected.value(); }
const FaultRecord& fault_record() { return record(); }

}  // namespace kmem
