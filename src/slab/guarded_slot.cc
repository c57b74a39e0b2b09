#include "slab/guarded_slot.h"

#include "port/cpu_stack.h"
#include "port/port.h"

namespace kmem {

void Track::take() {
  nr_frames = kmem_port_backtrace(frames, kFrames);
  task = kmem_port_task_id();
  cpu = CpuStack::where().value;
  at_ns = kmem_port_now_ns();
}

void GuardedSlot::paint(char* from, char* to) const {
  for (char* at = from; at < object; ++at) *at = static_cast<char>(pattern_at(at));
  for (char* at = end(); at < to; ++at) *at = static_cast<char>(pattern_at(at));
}

const char* GuardedSlot::find_damage(const char* from, const char* to) const {
  for (const char* at = object; at-- > from;)
    if (static_cast<uint8_t>(*at) != pattern_at(at)) return at;
  for (const char* at = end(); at < to; ++at)
    if (static_cast<uint8_t>(*at) != pattern_at(at)) return at;
  return nullptr;
}

}  // namespace kmem
