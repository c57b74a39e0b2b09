#include "slab/debug.h"

#include "base/bits.h"
#include "base/memory.h"
#include "port/cpu_stack.h"
#include "port/port.h"
#include "watch/counters.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr size_t kDumpMost = 128;  // bytes of a zone that a report shows

Counter reports;
RateLimit limit;

/// "Object   0000700001234560: 6b 6b ... 6b  kkkkkkkkkkkkkkkk", sixteen bytes a line.
void dump_bytes(Report& report, const char* label, const char* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 16) {
    const size_t n = bytes - at < 16 ? bytes - at : 16;
    TextOf<80> text;
    for (size_t i = 0; i < 16; ++i) {
      if (i < n) text.hex_padded(static_cast<uint8_t>(from[at + i]), 2).put(' ');
      else text.fill(' ', 3);
    }
    text.put(' ');
    for (size_t i = 0; i < n; ++i) text.put(from[at + i] >= ' ' && from[at + i] <= '~' ? from[at + i] : '.');
    report.line("%-8s %p: %s", label, static_cast<const void*>(from + at), text.data());
  }
}

}  // namespace

uint64_t ObjectDebug::nr_reports() { return reports.value(); }

void ObjectDebug::init(const Setup& setup) {
  *this = {};
  cache_ = setup.cache;
  flags_ = setup.flags & debug::kAll;
  fillable_ = setup.fillable;
  ends_ = setup.ends;
  key_ = setup.key;
  layout_.init(flags_, setup.object_size, setup.align);
}

// Patterns -------------------------------------------------------------------------------------------------------------

uint8_t ObjectDebug::expected(const ObjectZone& zone, const char* at) const {
  return zone.keyed ? pattern::red_byte(zone.byte, key_, at) : zone.byte;
}

void ObjectDebug::fill(const ObjectZone& zone) const {
  if (!zone.bytes) return;
  if (!zone.keyed || !key_) {
    memset(zone.from, zone.byte, zone.bytes);
    return;
  }
  for (size_t i = 0; i < zone.bytes; ++i) zone.from[i] = static_cast<char>(expected(zone, zone.from + i));
}

// The number of intact bytes at the start of a zone, a multiple of eight.
size_t ObjectDebug::sound_words(const ObjectZone& zone) const {
  uint64_t want = 0;
  for (unsigned i = 8; i-- > 0;) want = want << 8 | expected(zone, zone.from + i);
  for (size_t at = 0;; at += 8) {
    uint64_t word;
    if (at + 8 > zone.bytes) return at;
    memcpy(&word, zone.from + at, 8);
    if (word != want) return at;
  }
}

bool ObjectDebug::check(char* object, const ObjectZone& zone, const char* when) const {
  const char *first = nullptr, *last = nullptr;
  for (size_t i = sound_words(zone); i < zone.bytes; ++i) {
    if (static_cast<uint8_t>(zone.from[i]) == expected(zone, zone.from + i)) continue;
    if (!first) first = zone.from + i;
    last = zone.from + i;
  }
  if (!first) return true;
  report_bytes(object, zone, first, last, when);
  fill(zone);
  return false;
}

void ObjectDebug::set_red(char* object, Red red, uint32_t from) const {
  if (!(flags_ & debug::kRedZone)) return;
  fill(layout_.left(object, red));
  fill(layout_.right(object, red, from));
}

void ObjectDebug::poison(char* object) const {
  if (!poisons()) return;
  memset(object, pattern::kFree, layout_.object_size() - 1);
  object[layout_.object_size() - 1] = static_cast<char>(pattern::kEnd);
}

bool ObjectDebug::check_poison(char* object, const char* when) const {
  if (!poisons()) return true;
  const bool body = check(object, {"Poison", object, layout_.object_size() - 1, pattern::kFree, false}, when);
  return check(object, {"Poison", object + layout_.object_size() - 1, 1, pattern::kEnd, false}, when) && body;
}

// States ---------------------------------------------------------------------------------------------------------------

void ObjectDebug::make(char* object) const {
  if (!has_meta()) return;
  set_red(object, Red::Inactive, layout_.object_size());
  poison(object);
  memset(static_cast<void*>(meta(object)), 0, layout_.meta_bytes());
  meta(object)->state.store(ObjectMeta::kFree);
  meta(object)->asked = layout_.object_size();
  fill(layout_.padding(object));
}

bool ObjectDebug::check_free(char* object, const char* when) const {
  if (!has_meta()) return true;
  const bool left = check(object, layout_.left(object, Red::Inactive), when);
  const bool body = check_poison(object, when);
  const bool right = check(object, layout_.right(object, Red::Inactive, layout_.object_size()), when);
  return check(object, layout_.padding(object), when) && left && body && right;
}

bool ObjectDebug::check_out(char* object, const char* when) const {
  if (!has_meta()) return true;
  const uint32_t asked = meta(object)->asked <= layout_.object_size() ? meta(object)->asked : layout_.object_size();
  const bool left = check(object, layout_.left(object, Red::Active), when);
  const bool right = check(object, layout_.right(object, Red::Active, asked), when);
  return check(object, layout_.padding(object), when) && left && right;
}

bool ObjectDebug::take(char* object, uint32_t asked) const {
  if (flags_ & debug::kTrace) trace(object, "alloc");
  if (!has_meta()) return true;
  const bool good = check_free(object, "when it was allocated");
  meta(object)->asked = asked <= layout_.object_size() ? asked : layout_.object_size();
  set_red(object, Red::Active, meta(object)->asked);
  if (flags_ & debug::kOwner) meta(object)->owners[0].record();
  meta(object)->state.store(ObjectMeta::kOut);
  return good;
}

void ObjectDebug::resize(char* object, uint32_t asked) const {
  if (!has_meta()) return;
  check_out(object, "when it was resized");
  meta(object)->asked = asked;
  set_red(object, Red::Active, asked);
}

bool ObjectDebug::give(char* object) const {
  if (flags_ & debug::kTrace) trace(object, "free");
  if (!has_meta()) return true;
  uint32_t state = ObjectMeta::kOut;
  while (!meta(object)->state.compare_exchange(state, ObjectMeta::kHeld)) {
    if (state == ObjectMeta::kOut) continue;
    if (state == ObjectMeta::kFree || state == ObjectMeta::kHeld) {
      refuse(object, "Object already free");
      return false;
    }
    // Neither: the state was overwritten, and the check of the red zone before it reports that below.
    meta(object)->asked = layout_.object_size();
    memset(static_cast<void*>(meta(object)->owners), 0, layout_.meta_bytes() - offsetof(ObjectMeta, owners));
    meta(object)->state.compare_exchange(state, ObjectMeta::kOut);
    if (report(object, "Object metadata overwritten"))
      note("FIX %s: Restoring Object metadata 0x%p", cache_, static_cast<const void*>(meta(object)));
    end_report();
    state = ObjectMeta::kOut;
  }
  check_out(object, "when it was freed");
  if (flags_ & debug::kOwner) meta(object)->owners[1].record();
  set_red(object, Red::Inactive, layout_.object_size());
  poison(object);
  return true;
}

bool ObjectDebug::release_checked(char* object) const {
  if (!has_meta()) return true;
  const bool good = check_free(object, "after it was freed");
  meta(object)->state.store(ObjectMeta::kFree);
  return good;
}

// Eight bytes at a time, so that it is cheap enough for each free (multiplication and rotation, as in FxHash).
uint64_t ObjectDebug::hash(const char* object, uint32_t bytes) {
  uint64_t sum = bytes;
  for (uint32_t at = 0; at < bytes; at += 8) {
    uint64_t word = 0;
    memcpy(&word, object + at, bytes - at < 8 ? bytes - at : 8);
    sum = ((sum << 5 | sum >> 59) ^ word) * 0x517cc1b727220a95u;
  }
  return sum;
}

void ObjectDebug::compare_state(const char* object, uint64_t then, uint64_t now) const {
  if (then == now) return;
  if (report(object, "Constructor state lost"))
    note("FIX %s: Object at 0x%p constructed again", cache_, static_cast<const void*>(object));
  end_report();
}

// Reports --------------------------------------------------------------------------------------------------------------

void ObjectDebug::trace(const char* object, const char* what) const {
  Report line;
  line.line("TRACE %s %s 0x%p pid=%u", cache_, what, static_cast<const void*>(object), kmem_port_task_id());
  line.call_trace();
}

void ObjectDebug::dump(const char* object) const {
  constexpr size_t kPart = 32;
  const auto part = [](size_t bytes) { return bytes < kPart ? bytes : kPart; };
  auto* const at = const_cast<char*>(object);
  const uint32_t size = layout_.object_size();
  const ObjectZone left = layout_.left(at, Red::Active), padding = layout_.padding(at);
  const ObjectZone right = layout_.right(at, Red::Active, static_cast<uint32_t>(round_up(size, 8)));
  Report dump;
  if (left.bytes) dump_bytes(dump, "Redzone", object - part(left.bytes), part(left.bytes));
  dump_bytes(dump, "Object", object, size < kDumpMost ? size : kDumpMost);
  if (right.bytes) dump_bytes(dump, "Redzone", right.from, right.bytes);
  if (padding.bytes) dump_bytes(dump, "Padding", padding.from, part(padding.bytes));
}

void ObjectDebug::print(Report& report, const char* object) const {
  report.line("Object 0x%p size=%u asked=%u", static_cast<const void*>(object), layout_.object_size(), asked(object));
  if (flags_ & debug::kOwner) meta(object)->owners[0].print(report, "Allocated");
}

void ObjectDebug::end_report() const { ends_ ? after_fatal_report() : after_report(); }

void ObjectDebug::refuse(const char* object, const char* what) const {
  if (report(object, what)) note("FIX %s: Object at 0x%p not freed", cache_, static_cast<const void*>(object));
  end_report();
}

bool ObjectDebug::report(const char* object, const char* what) const {
  static constexpr char kTaint[2][16] = {"Not tainted", "Tainted: B"};
  const bool tainted = reports.value() != 0;
  reports.add();
  const RateLimit::Verdict verdict = limit.ask();
  if (!verdict.allowed) return false;
  {
    Report head;
    if (verdict.suppressed)
      head.line("slab_bug: %llu callbacks suppressed", static_cast<unsigned long long>(verdict.suppressed));
    head.line("=============================================================================");
    head.line("BUG %s (%s): %s", cache_, kTaint[tainted], what);
    head.line("-----------------------------------------------------------------------------");
    print(head, object);
    head.send();  // a report has room for one list of callers
    if (flags_ & debug::kOwner) meta(object)->owners[1].print(head, "Freed");
  }
  if (has_meta() && !ends_) dump(object);
  Report tail;
  tail.line("CPU: %u PID: %u", CpuStack::where().value, kmem_port_task_id());
  tail.call_trace(flags_ & debug::kOwner ? Report::Names::FromFiles : Report::Names::None);
  return true;
}

void ObjectDebug::report_bytes(const char* object, const ObjectZone& zone, const char* first, const char* last,
                               const char* when) const {
  TextOf<64> what;
  what.put(zone.name).put(" overwritten");
  if (!report(object, what.data())) return end_report();
  Report fix;
  fix.line("0x%p-0x%p @offset=%lld. First byte 0x%x instead of 0x%x, found %s", static_cast<const void*>(first),
           static_cast<const void*>(last), static_cast<long long>(first - object), static_cast<uint8_t>(*first),
           expected(zone, first), when);
  fix.line("FIX %s: Restoring %s 0x%p-0x%p=0x%x", cache_, zone.name, static_cast<const void*>(first),
           static_cast<const void*>(last), expected(zone, first));
  fix.send();
  end_report();
}

}  // namespace kmem
