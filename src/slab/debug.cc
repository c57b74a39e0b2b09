#include "slab/debug.h"

#include "base/bits.h"
#include "base/memory.h"
#include "port/cpu_stack.h"
#include "port/port.h"
#include "watch/counters.h"

namespace kmem {
namespace {

constexpr uint32_t kLeastRedZone = 16;
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

// Where things lie -----------------------------------------------------------------------------------------------------

void ObjectDebug::init(const char* cache, uint32_t flags, uint32_t object_size, uint32_t align, bool fillable,
                       uint64_t key) {
  *this = {};
  cache_ = cache;
  flags_ = flags & debug::kAll;
  object_size_ = object_size;
  fillable_ = fillable;
  key_ = key;
  if (align < 8) align = 8;
  end_ = static_cast<uint32_t>(round_up(object_size < 8 ? 8 : object_size, align));
  if (!(flags_ & (debug::kRedZone | debug::kPoison | debug::kOwner))) return;
  if (flags_ & debug::kRedZone) left_ = static_cast<uint32_t>(round_up(kLeastRedZone, align));
  const auto whole = static_cast<uint32_t>(round_up(object_size, 8));
  red_end_ = whole + (flags_ & debug::kRedZone ? kLeastRedZone : 0);
  meta_ = red_end_;
  meta_end_ = meta_ + static_cast<uint32_t>(flags_ & debug::kOwner ? sizeof(ObjectMeta) : offsetof(ObjectMeta, owners));
  end_ = static_cast<uint32_t>(round_up(left_ + meta_end_, align)) - left_;
}

ObjectDebug::Zone ObjectDebug::left_zone(char* object, bool out) const {
  return {"Left Redzone", object - left_, left_, out ? pattern::kRedActive : pattern::kRedInactive, true};
}

ObjectDebug::Zone ObjectDebug::right_zone(char* object, bool out, uint32_t from) const {
  const size_t bytes = flags_ & debug::kRedZone && from < red_end_ ? red_end_ - from : 0;
  return {"Right Redzone", object + from, bytes, out ? pattern::kRedActive : pattern::kRedInactive, true};
}

ObjectDebug::Zone ObjectDebug::padding(char* object) const {
  return {"Object padding", object + meta_end_, end_ - meta_end_, pattern::kInUse, false};
}

// Patterns -------------------------------------------------------------------------------------------------------------

uint8_t ObjectDebug::expected(const Zone& zone, const char* at) const {
  return zone.keyed ? pattern::red_byte(zone.byte, key_, at) : zone.byte;
}

void ObjectDebug::fill(const Zone& zone) const {
  if (!zone.bytes) return;
  if (!zone.keyed || !key_) {
    memset(zone.from, zone.byte, zone.bytes);
    return;
  }
  for (size_t i = 0; i < zone.bytes; ++i) zone.from[i] = static_cast<char>(expected(zone, zone.from + i));
}

// How many of a zone's first bytes are as they should be, in steps of eight.
size_t ObjectDebug::sound_words(const Zone& zone) const {
  uint64_t want = 0;
  for (unsigned i = 8; i-- > 0;) want = want << 8 | expected(zone, zone.from + i);
  for (size_t at = 0;; at += 8) {
    uint64_t word;
    if (at + 8 > zone.bytes) return at;
    memcpy(&word, zone.from + at, 8);
    if (word != want) return at;
  }
}

bool ObjectDebug::check(char* object, const Zone& zone, const char* when) const {
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

void ObjectDebug::set_red(char* object, bool out, uint32_t from) const {
  if (!(flags_ & debug::kRedZone)) return;
  fill(left_zone(object, out));
  fill(right_zone(object, out, from));
}

void ObjectDebug::poison(char* object) const {
  if (!poisons()) return;
  memset(object, pattern::kFree, object_size_ - 1);
  object[object_size_ - 1] = static_cast<char>(pattern::kEnd);
}

bool ObjectDebug::check_poison(char* object, const char* when) const {
  if (!poisons()) return true;
  const bool body = check(object, {"Poison", object, object_size_ - 1, pattern::kFree, false}, when);
  return check(object, {"Poison", object + object_size_ - 1, 1, pattern::kEnd, false}, when) && body;
}

// States ---------------------------------------------------------------------------------------------------------------

void ObjectDebug::make(char* object) const {
  if (!meta_) return;
  set_red(object, false, object_size_);
  poison(object);
  memset(static_cast<void*>(meta(object)), 0, meta_end_ - meta_);
  meta(object)->state.store(ObjectMeta::kFree);
  meta(object)->asked = object_size_;
  fill(padding(object));
}

bool ObjectDebug::check_free(char* object, const char* when) const {
  if (!meta_) return true;
  const bool left = check(object, left_zone(object, false), when);
  const bool body = check_poison(object, when);
  const bool right = check(object, right_zone(object, false, object_size_), when);
  return check(object, padding(object), when) && left && body && right;
}

bool ObjectDebug::check_out(char* object, const char* when) const {
  if (!meta_) return true;
  const uint32_t asked = meta(object)->asked <= object_size_ ? meta(object)->asked : object_size_;
  const bool left = check(object, left_zone(object, true), when);
  const bool right = check(object, right_zone(object, true, asked), when);
  return check(object, padding(object), when) && left && right;
}

bool ObjectDebug::take(char* object, uint32_t asked) const {
  if (flags_ & debug::kTrace) trace(object, "alloc");
  if (!meta_) return true;
  const bool good = check_free(object, "when it was allocated");
  meta(object)->asked = asked <= object_size_ ? asked : object_size_;
  set_red(object, true, meta(object)->asked);
  if (flags_ & debug::kOwner) meta(object)->owners[0].record();
  meta(object)->state.store(ObjectMeta::kOut);
  return good;
}

bool ObjectDebug::give(char* object) const {
  if (flags_ & debug::kTrace) trace(object, "free");
  if (!meta_) return true;
  uint32_t state = ObjectMeta::kOut;
  while (!meta(object)->state.compare_exchange(state, ObjectMeta::kHeld)) {
    if (state == ObjectMeta::kOut) continue;
    if (state == ObjectMeta::kFree || state == ObjectMeta::kHeld) {
      refuse(object, "Object already free");
      return false;
    }
    // Neither: somebody wrote over it, and the red zone in front of it will say so below.
    meta(object)->asked = object_size_;
    memset(static_cast<void*>(meta(object)->owners), 0, meta_end_ - meta_ - offsetof(ObjectMeta, owners));
    meta(object)->state.compare_exchange(state, ObjectMeta::kOut);
    if (report(object, "Object metadata overwritten"))
      note("FIX %s: Restoring Object metadata 0x%p", cache_, static_cast<const void*>(meta(object)));
    after_report();
    state = ObjectMeta::kOut;
  }
  check_out(object, "when it was freed");
  if (flags_ & debug::kOwner) meta(object)->owners[1].record();
  set_red(object, false, object_size_);
  poison(object);
  return true;
}

bool ObjectDebug::settle(char* object) const {
  if (!meta_) return true;
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
  if (report(object, "Constructor state lost")) note("FIX %s: Object at 0x%p constructed again", cache_, static_cast<const void*>(object));
  after_report();
}

// Reports --------------------------------------------------------------------------------------------------------------

void ObjectDebug::trace(const char* object, const char* what) const {
  Report line;
  line.line("TRACE %s %s 0x%p pid=%u", cache_, what, static_cast<const void*>(object), kmem_port_task_id());
  line.call_trace();
}

void ObjectDebug::dump(const char* object) const {
  Report dump;
  if (left_) dump_bytes(dump, "Redzone", object - (left_ < 32 ? left_ : 32), left_ < 32 ? left_ : 32);
  dump_bytes(dump, "Object", object, object_size_ < kDumpMost ? object_size_ : kDumpMost);
  if (flags_ & debug::kRedZone)
    dump_bytes(dump, "Redzone", object + round_up(object_size_, 8), red_end_ - round_up(object_size_, 8));
  if (end_ > meta_end_) dump_bytes(dump, "Padding", object + meta_end_, end_ - meta_end_ < 32 ? end_ - meta_end_ : 32);
}

void ObjectDebug::print(Report& report, const char* object) const {
  report.line("Object 0x%p size=%u asked=%u", static_cast<const void*>(object), object_size_, asked(object));
  if (flags_ & debug::kOwner) meta(object)->owners[0].print(report, "Allocated");
}

void ObjectDebug::refuse(const char* object, const char* what) const {
  if (report(object, what)) note("FIX %s: Object at 0x%p not freed", cache_, static_cast<const void*>(object));
  after_report();
}

bool ObjectDebug::report(const char* object, const char* what) const {
  static constexpr char kTaint[2][16] = {"Not tainted", "Tainted: B"};
  const bool tainted = reports.value() != 0;
  reports.add();
  const RateLimit::Verdict verdict = limit.ask();
  if (!verdict.allowed) return false;
  {
    Report head;
    if (verdict.suppressed) head.line("slab_bug: %llu callbacks suppressed", static_cast<unsigned long long>(verdict.suppressed));
    head.line("=============================================================================");
    head.line("BUG %s (%s): %s", cache_, kTaint[tainted], what);
    head.line("-----------------------------------------------------------------------------");
    print(head, object);
    if (flags_ & debug::kOwner) meta(object)->owners[1].print(head, "Freed");
  }
  if (meta_) dump(object);
  Report tail;
  tail.line("CPU: %u PID: %u", CpuStack::where().value, kmem_port_task_id());
  tail.call_trace();
  return true;
}

void ObjectDebug::report_bytes(const char* object, const Zone& zone, const char* first, const char* last,
                               const char* when) const {
  TextOf<64> what;
  what.put(zone.name).put(" overwritten");
  if (!report(object, what.data())) return after_report();
  Report fix;
  fix.line("0x%p-0x%p @offset=%lld. First byte 0x%x instead of 0x%x, found %s", static_cast<const void*>(first),
           static_cast<const void*>(last), static_cast<long long>(first - object), static_cast<uint8_t>(*first),
           expected(zone, first), when);
  fix.line("FIX %s: Restoring %s 0x%p-0x%p=0x%x", cache_, zone.name, static_cast<const void*>(first),
           static_cast<const void*>(last), expected(zone, first));
  fix.send();
  after_report();
}

}  // namespace kmem
