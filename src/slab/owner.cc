#include "slab/owner.h"

#include "port/cpu_stack.h"
#include "port/port.h"
#include "watch/report.h"

namespace kmem {

void Owner::record() {
  when_ns = kmem_port_now_ns();
  task = kmem_port_task_id();
  cpu = static_cast<uint16_t>(CpuStack::where().value);
  nr_frames = static_cast<uint16_t>(kmem_port_backtrace(frames, kFrames));
}

void Owner::print(Report& report, const char* what) const {
  if (!when_ns) return;
  const unsigned n = nr_frames < kFrames ? nr_frames : kFrames;  // an overrun may have damaged it
  const uint64_t now = kmem_port_now_ns();
  const unsigned own = own_frames(frames, n);
  TextOf<200> caller;
  put_code_name(caller, own < n ? frames[own] : nullptr);
  report.line("%s in %s age=%llu us cpu=%u pid=%u", what, caller.data(),
              static_cast<unsigned long long>(now > when_ns ? (now - when_ns) / 1000 : 0), unsigned{cpu}, task);
  report.callers(frames + own, n - own);
}

}  // namespace kmem
