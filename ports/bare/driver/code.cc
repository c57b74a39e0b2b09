// What a driver's surroundings ask of their host (driver/host/host.h), on a bare machine: names of code, stacks, faults.

#include "bare.h"
#include "host/host.h"
#include "port/port.h"

extern "C" const char bare_image_start[], bare_image_end[];

namespace kmem_driver::host {

bool is_on_stack(const void* memory) {
  const auto at = reinterpret_cast<uint64_t>(memory);
  const bare::Range stack = bare::task_stack();
  return at >= stack.start && at < stack.end;
}
bool is_static(const void* address) { return address >= bare_image_start && address < bare_image_end; }
const char* object_of(const void*) { return nullptr; }

int trace(void** frames, int most) {
  constexpr unsigned kMost = 64;
  void* all[kMost + 1];
  const unsigned want = most < 0 ? 0 : static_cast<unsigned>(most);
  const unsigned n = kmem_port_backtrace(all, (want < kMost ? want : kMost) + 1);
  for (unsigned i = 1; i < n; ++i) frames[i - 1] = all[i];  // this function's own frame is left out
  return n ? static_cast<int>(n - 1) : 0;
}

namespace {

/// Splits "name+0x12/0x34".
bool split(char* text, size_t length, unsigned long* offset) {
  size_t plus = length;
  while (plus && text[plus] != '+') --plus;
  if (!plus) return false;
  text[plus] = 0;
  *offset = 0;
  for (const char* c = text + plus + 3; *c && *c != '/'; ++c)
    *offset = *offset << 4 | static_cast<unsigned long>(*c <= '9' ? *c - '0' : *c - 'a' + 10);
  return true;
}

const FixUp* fix_ups = nullptr;
int nr_fix_ups = 0;
const FaultHandler* mapped = nullptr;

const void* mend(const kmem::BadAccess& access) {
  const void* pc = bare::pc_of(static_cast<const bare::SavedRegisters*>(access.state));
  if (*mapped && (*mapped)(const_cast<void*>(access.address), access.write)) return pc;
  for (int i = 0; i < nr_fix_ups; ++i)
    if (pc == fix_ups[i].first) return fix_ups[i].last;
  return nullptr;
}

}  // namespace

bool name_code(const void* address, char* name, size_t bytes, unsigned long* offset) {
  const size_t length = kmem_port_name_code(address, name, bytes);
  return length && split(name, length, offset);
}

void watch_faults(const FixUp* all, int nr, const FaultHandler* handler) {
  fix_ups = all;
  nr_fix_ups = nr;
  mapped = handler;
  bare::mends_access = mend;
}

}  // namespace kmem_driver::host
