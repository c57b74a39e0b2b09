// The reports on leaked blocks.

#include <kmem/leaks.h>

#include "base/memory.h"
#include "leak_marks.h"
#include "port/port.h"
#include "slab/leak_scan.h"
#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::LeakScan;
using kmem::Owner;
using Leak = LeakScan::Leak;

// Output ---------------------------------------------------------------------------------------------------

/// Text that is written whenever its buffer is nearly full.
class Output {
 public:
  explicit Output(int fd) : fd_(fd), text_(kmem::Span<char>(room_)) {}
  ~Output() { flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  kmem::Text& text() {
    if (text_.size() > sizeof room_ / 2) flush();
    return text_;
  }

 private:
  void flush() {
    if (fd_ >= 0) kmem_port_write(fd_, text_.data(), text_.size());
    text_.clear();
  }
  int fd_;
  char room_[2048];
  kmem::Text text_;
};

const Owner* owner_of(const Leak& leak) {
  const Owner* owner = leak.cache && leak.cache->slabs().owns(leak.address)
                           ? leak.cache->checked().debug().owner(static_cast<const char*>(leak.address), kmem::OwnerCall::Alloc)
                           : nullptr;
  return owner && owner->when_ns ? owner : nullptr;
}

void put_origin(kmem::Text& text, const Leak& leak) {
  char name[32];
  kmem_port_task_name(name, sizeof name);
  const Owner* owner = owner_of(leak);
  if (!owner) {
    text.printf("  comm \"%s\"\n", name);
    return;
  }
  constexpr uint64_t kJiffy = 1'000'000;
  const uint64_t age = (kmem_port_now_ns() - owner->when_ns) / kJiffy;
  text.printf("  comm \"%s\", pid %u, jiffies %ju (age %ju.%03jus)\n", name, owner->task, owner->when_ns / kJiffy, age / 1000,
              age % 1000);
}

/// 16 bytes a line, in hexadecimal and as characters.
void put_hex_dump(kmem::Text& text, const Leak& leak) {
  unsigned char bytes[32];
  const size_t n = kmem_port_read(leak.address, bytes, leak.bytes < sizeof bytes ? leak.bytes : sizeof bytes);
  text.printf("  hex dump (first %zu bytes):\n", n);
  for (size_t line = 0; line < n; line += 16) {
    text.put("    ");
    for (size_t i = line; i < line + 16; ++i) i < n ? text.hex_padded(bytes[i], 2).put(' ') : text.put("   ");
    text.put(' ');
    for (size_t i = line; i < line + 16 && i < n; ++i)
      text.put(bytes[i] >= ' ' && bytes[i] < 127 ? static_cast<char>(bytes[i]) : '.');
    text.put('\n');
  }
}

void put_backtrace(Output& out, const Leak& leak) {
  const Owner* owner = owner_of(leak);
  if (!owner) return;
  out.text().put("  backtrace:\n");
  const unsigned nr = owner->nr_frames < Owner::kFrames ? owner->nr_frames : Owner::kFrames;
  for (unsigned i = kmem::own_frames(owner->frames, nr); i < nr; ++i) {
    out.text().printf("    [<%p>] ", owner->frames[i]);
    kmem::put_code_name(out.text(), owner->frames[i]);
    out.text().put('\n');
  }
}

void put_leak(Output& out, const Leak& leak) {
  out.text().printf("unreferenced object 0x%p (size %zu):\n", leak.address, leak.bytes);
  put_origin(out.text(), leak);
  put_hex_dump(out.text(), leak);
  put_backtrace(out, leak);
}

// Blocks of one cache and call site, together -------------------------------------------------------------------------------

struct Group {
  const kmem::Cache* cache = nullptr;
  uint64_t trace = 0;  // the call site's address; 0 if it was not recorded
  uint64_t blocks = 0, bytes = 0;
  Leak first;
  bool told = false;
};

/// Filled in a copy of the process, which has one thread.
class Groups {
 public:
  void add(const Leak& leak) {
    const Owner* owner = owner_of(leak);
    const uint64_t trace = owner ? trace_of(*owner) : 0;
    for (Group& group : groups_) {
      if (group.blocks && (group.cache != leak.cache || group.trace != trace)) continue;
      if (!group.blocks) group = {leak.cache, trace, 0, 0, leak, false};
      ++group.blocks;
      group.bytes += leak.bytes;
      return;
    }
    ++others_.blocks;
    others_.bytes += leak.bytes;
  }
  void put(Output& out) {
    while (Group* group = largest()) put(out, *group);
    if (others_.blocks) out.text().printf("%ju more blocks, %ju bytes, of other places\n", others_.blocks, others_.bytes);
  }

 private:
  static constexpr unsigned kMost = 256;

  /// The call site's address: the rest of the trace may contain stale addresses, which differ between calls from one place.
  static uint64_t trace_of(const Owner& owner) {
    const unsigned nr = owner.nr_frames < Owner::kFrames ? owner.nr_frames : Owner::kFrames;
    const unsigned own = own_of(owner, nr);
    return own < nr ? reinterpret_cast<uint64_t>(owner.frames[own]) : 1;
  }
  /// Symbol lookup is slow, so the result is cached for equal traces.
  static unsigned own_of(const Owner& owner, unsigned nr) {
    struct Seen {
      uint64_t sum;
      unsigned own;
    };
    static Seen seen[1024];
    uint64_t sum = nr;
    for (unsigned i = 0; i < nr; ++i) sum = (sum ^ reinterpret_cast<uint64_t>(owner.frames[i])) * 0x9e3779b97f4a7c15u;
    Seen& place = seen[(sum >> 32) % 1024];
    if (place.sum != sum) place = {sum, kmem::own_frames(owner.frames, nr)};
    return place.own;
  }
  Group* largest() {
    Group* best = nullptr;
    for (Group& group : groups_)
      if (group.blocks && !group.told && (!best || group.bytes > best->bytes)) best = &group;
    if (best) best->told = true;
    return best;
  }
  static void put(Output& out, const Group& group) {
    out.text().printf("%ju unreferenced object%s, %ju bytes, of cache %s\n", group.blocks, group.blocks == 1 ? "" : "s",
                      group.bytes, group.cache ? group.cache->name() : "(large blocks)");
    out.text().printf("  the first at 0x%p (size %zu)\n", group.first.address, group.first.bytes);
    put_backtrace(out, group.first);
  }

  Group groups_[kMost];
  Group others_;
};
constinit Groups groups;

// Scans -----------------------------------------------------------------------------------------------------------------------

struct Wish {
  int fd;
  bool by_site;
  const void* stack;
};

/// Runs in the copy of the process.
void look(void* arg, void* result) {
  const Wish& wish = *static_cast<const Wish*>(arg);
  kmem::System& s = kmem::system();
  LeakScan scan(s.heap, s.world, leak_marks());
  if (!scan.run(wish.stack)) return;
  *static_cast<LeakScan::Totals*>(result) = scan.totals();
  if (wish.fd < 0) return;
  Output out(wish.fd);
  scan.each_leak([&](const Leak& leak) { wish.by_site ? groups.add(leak) : put_leak(out, leak); });
  if (wish.by_site) groups.put(out);
}

KMEM_NOINLINE bool run_scan(int fd, bool by_site, LeakScan::Totals& totals) {
  Wish wish{fd, by_site, __builtin_frame_address(0)};
  return kmem_port_with_copy(look, &wish, &totals, sizeof totals) && totals.done;
}

KMEM_NOINLINE int scan(int fd, bool by_site, kmem_leak_totals* totals) {
  __builtin_unwind_init();  // the callers' registers lie on the stack now, above run_scan()'s frame
  LeakScan::Totals found;
  if (!kmem::boot() || !run_scan(fd, by_site, found)) return -1;
  const auto size = [](uint64_t n) { return static_cast<size_t>(n); };
  if (totals) *totals = {size(found.blocks), size(found.bytes), size(found.leaked_blocks), size(found.leaked_bytes)};
  return 0;
}

}  // namespace

namespace kmem {

void report_leaks_at_exit() {
  static Once once;
  if (!system().options.leaks_at_exit || !once.first()) return;
  kmem_leak_totals totals;
  note("lost blocks when the program ends:");
  if (scan(2, true, &totals)) return note("leaks: the process could not be copied");
  note("leaks: %zu blocks, %zu bytes; in use: %zu blocks, %zu bytes", totals.leaked_blocks, totals.leaked_bytes, totals.blocks,
       totals.bytes);
}

// Runs after all destructors but those of the C library, so that blocks which other destructors free are not reported.
[[gnu::destructor(102)]] static void at_exit() { report_leaks_at_exit(); }

}  // namespace kmem

extern "C" {

int kmem_leak_scan(int fd, struct kmem_leak_totals* totals) noexcept {
  KMEM_MIGHT_SLEEP();
  return scan(fd, false, totals);
}
int kmem_leak_summary(int fd, struct kmem_leak_totals* totals) noexcept {
  KMEM_MIGHT_SLEEP();
  return scan(fd, true, totals);
}

}  // extern "C"
