#include "slab/guarded_report.h"

#include "port/cpu_stack.h"
#include "watch/report.h"

namespace kmem::guarded_report {
namespace {

constexpr char kLine[] = "==================================================================";

/// Limits reports of a mistake in a loop.
RateLimit limit;

/// The callers of kmem. Taken in a small stack frame, because a report's uninitialised buffer holds return addresses of earlier
/// calls.
struct Callers {
  static constexpr unsigned kFrames = 48;
  Callers() : nr(kmem_port_backtrace(frames, kFrames)) {}
  void* frames[kFrames];
  unsigned nr;
};

void put_head(Report& report, const char* what, const Callers& callers) {
  TextOf<200> name;
  const unsigned own = own_frames(callers.frames, callers.nr);
  put_code_name(name, own < callers.nr ? callers.frames[own] : nullptr);
  report.line("%s", kLine);
  report.line("BUG: KFENCE: %s in %s", what, name.data());
  report.line("%s", "");
}

void put_callers(Report& report, const Callers& callers) {
  const unsigned own = own_frames(callers.frames, callers.nr);
  const unsigned left = callers.nr - own;
  report.callers(callers.frames + own, left < Track::kFrames ? left : Track::kFrames);
}

void put_track(Report& report, const char* what, const Track& track) {
  report.line("%s", "");
  report.line("%s by task %u on cpu %u at %llu.%06llus:", what, track.task, track.cpu,
              static_cast<unsigned long long>(track.at_ns / 1000000000),
              static_cast<unsigned long long>(track.at_ns / 1000 % 1000000));
  const unsigned own = own_frames(track.frames, track.nr_frames);
  report.callers(track.frames + own, track.nr_frames - own);
}

void put_object(Report& report, Subject of) {
  const GuardedSlot& slot = *of.slot;
  report.line("%s", "");
  report.line("kfence-#%d: 0x%p-0x%p, size=%u, cache=%s", of.number, slot.object, slot.end() - 1, slot.size, slot.cache_name);
}

KMEM_NOINLINE void tell_history(Subject of) {
  {
    Report report;
    put_object(report, of);
    put_track(report, "allocated", of.slot->allocated);
  }
  Report report;
  if (of.slot->is(GuardedSlot::Freed)) put_track(report, "freed", of.slot->freed);
  char name[32];
  kmem_port_task_name(name, sizeof name);
  report.line("%s", "");
  report.line("CPU: %u PID: %u Comm: %s", CpuStack::where().value, kmem_port_task_id(), name);
  report.line("%s", kLine);
}

void tell_history_of_any(Subject of) {
  if (of.slot) tell_history(of);
  else Report().line("%s", kLine);
}

KMEM_NOINLINE void tell_access(const BadAccess& access, const char* what, const char* where) {
  void* frames[Track::kFrames];
  const unsigned nr = kmem_port_backtrace_of(&access, frames, Track::kFrames);
  Report report;
  TextOf<200> name;
  put_code_name(name, nr ? frames[0] : nullptr);
  report.line("%s", kLine);
  report.line("BUG: KFENCE: %s %s in %s", what, access.write ? "write" : "read", name.data());
  report.line("%s", "");
  report.line("%c%s %s at 0x%p%s:", what[0] - 'a' + 'A', what + 1, access.write ? "write" : "read", access.address, where);
  report.callers(frames, nr);
}

KMEM_NOINLINE void tell_invalid_free(const Callers& callers, const void* p, int number) {
  Report report;
  put_head(report, "invalid free", callers);
  if (number >= 0) report.line("Invalid free of 0x%p (in kfence-#%d):", p, number);
  else report.line("Invalid free of 0x%p:", p);
  put_callers(report, callers);
}

KMEM_NOINLINE void tell_damage(const Callers& callers, const char* at, const char* end, int number) {
  constexpr unsigned kShown = 16;
  TextOf<96> bytes;
  for (const char* b = at; b < end && b < at + kShown; ++b) {
    if (static_cast<uint8_t>(*b) == GuardedSlot::pattern_at(b)) bytes.put(" .");
    else bytes.put(" 0x").hex_padded(static_cast<uint8_t>(*b), 2);
  }
  Report report;
  put_head(report, "memory corruption", callers);
  report.line("Corrupted memory at 0x%p [%s ] (in kfence-#%d):", at, bytes.data(), number);
  put_callers(report, callers);
}

}  // namespace

void access(const BadAccess& access, Subject of, const char* what, const char* where) {
  if (limit.ask().allowed) {
    tell_access(access, what, where);
    tell_history_of_any(of);
  }
  after_report();
}

void invalid_free(Subject of, const void* p) {
  if (limit.ask().allowed) {
    tell_invalid_free(Callers(), p, of.number);
    tell_history_of_any(of);
  }
  after_report();
}

void damage(Subject of, const char* at, const char* end) {
  if (limit.ask().allowed) {
    tell_damage(Callers(), at, end, of.number);
    tell_history(of);
  }
  after_report();
}

}  // namespace kmem::guarded_report
