#include "boot/command_line.h"

#include "base/format.h"
#include "boot/fault_words.h"
#include "port/machine.h"
#include "watch/profile.h"
#include "watch/report.h"

namespace kmem {

// ---- words ----

namespace {

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// Takes a pair of quotes off, or the first of one that was never closed.
Slice unquoted(Slice s) {
  if (s.size == 0 || s[0] != '"') return s;
  s = s.from(1);
  if (s.size && s[s.size - 1] == '"') s.size -= 1;
  return s;
}

/// The end of the word that begins at `p`: the first blank outside of quotes.
const char* word_end(const char* p) {
  for (bool quoted = false; *p && (quoted || !is_blank(*p)); ++p)
    if (*p == '"') quoted = !quoted;
  return p;
}

/// Cuts "fake=" off "fake=2".
bool take_prefix(Slice& s, const char* prefix) {
  size_t i = 0;
  for (; prefix[i]; ++i)
    if (i == s.size || s[i] != prefix[i]) return false;
  s = s.from(i);
  return true;
}

}  // namespace

bool BootWords::next(BootWord& word) {
  while (is_blank(*rest_)) ++rest_;
  if (!*rest_) return false;
  const char* const end = word_end(rest_);
  word = {};
  word.whole = {rest_, static_cast<size_t>(end - rest_)};
  rest_ = end;
  if (equals(word.whole, "--")) return false;

  word.name = unquoted(word.whole);
  for (size_t i = 0; i < word.name.size && !word.has_value; ++i) {
    if (word.name[i] != '=') continue;
    word.has_value = true;
    word.value = unquoted(word.name.from(i + 1));
    word.name = word.name.first(i);
  }
  return true;
}

// ---- values ----

namespace {

/// The value of a digit, or a number that is too large for any base.
constexpr unsigned digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return lower(c) >= 'a' && lower(c) <= 'f' ? static_cast<unsigned>(lower(c) - 'a') + 10 : 99;
}

/// Takes digits off the front of `s`; false if there is none, or the value does not fit 64 bits.
bool take_digits(Slice& s, unsigned base, uint64_t& value) {
  uint64_t sum = 0;
  size_t n = 0;
  for (; n < s.size && digit(s[n]) < base; ++n)
    if (__builtin_mul_overflow(sum, base, &sum) || __builtin_add_overflow(sum, digit(s[n]), &sum)) return false;
  if (n == 0) return false;
  s = s.from(n);
  value = sum;
  return true;
}

/// 10 for "12", 16 for "0x12", whose first two characters it takes off, 8 for "012".
unsigned take_base(Slice& s) {
  if (s.size < 2 || s[0] != '0') return 10;
  if (lower(s[1]) != 'x') return 8;
  s = s.from(2);
  return 16;
}

/// The number of bits that a unit shifts by; 0 for any other letter.
unsigned unit_shift(char c) {
  static constexpr char kUnits[] = "kmgtpe";
  for (unsigned i = 0; kUnits[i]; ++i)
    if (lower(c) == kUnits[i]) return 10 * (i + 1);
  return 0;
}

}  // namespace

bool parse_size(Slice text, uint64_t& value) {
  uint64_t n = 0;
  const unsigned base = take_base(text);
  if (!take_digits(text, base, n) || text.size > 1) return false;
  if (text.size == 1) {
    const unsigned shift = unit_shift(text[0]);
    if (shift == 0 || n > ~uint64_t{0} >> shift) return false;
    n <<= shift;
  }
  value = n;
  return true;
}

bool parse_number(Slice text, uint64_t& value) {
  uint64_t n = 0;
  if (!take_digits(text, 10, n) || text.size) return false;
  value = n;
  return true;
}

bool parse_bool(Slice text, bool& value) {
  static constexpr struct {
    const char* name;
    bool value;
  } kNames[] = {{"0", false}, {"1", true},   {"off", false}, {"on", true},     {"n", false},
                {"y", true},  {"no", false}, {"yes", true},  {"false", false}, {"true", true}};
  char folded[8];
  if (text.size > sizeof folded) return false;
  for (size_t i = 0; i < text.size; ++i) folded[i] = lower(text[i]);
  for (const auto& known : kNames) {
    if (!equals({folded, text.size}, known.name)) continue;
    value = known.value;
    return true;
  }
  return false;
}

// ---- the table ----

namespace {

using enum WordFault;

WordFault set_size(uint64_t& field, const BootWord& word) {
  uint64_t value = 0;
  if (!parse_size(word.value, value) || value == 0) return Malformed;
  field = value;
  return None;
}

WordFault set_count(uint32_t& field, Slice text, uint64_t most) {
  uint64_t value = 0;
  if (!parse_number(text, value) || value == 0 || value > most) return Malformed;
  field = static_cast<uint32_t>(value);
  return None;
}

/// A name without a value means on.
WordFault set_bool(bool& field, const BootWord& word) {
  bool value = true;
  if (word.has_value && !parse_bool(word.value, value)) return Malformed;
  field = value;
  return None;
}

/// A level or a BOOL; on means the same as the word without a value.
WordFault set_hardened(BootOptions& options, const BootWord& word) {
  constexpr uint8_t kAlone = 2, kMost = 3;
  uint64_t level = kAlone;
  bool on = true;
  if (word.has_value && !parse_number(word.value, level)) {
    if (!parse_bool(word.value, on)) return Malformed;
    level = on ? kAlone : 0;
  }
  if (level > kMost) return Malformed;
  options.hardened = static_cast<uint8_t>(level);
  return None;
}

WordFault set_oops(BootOptions& options, const BootWord& word) {
  const bool panics = equals(word.value, "panic");
  if (!panics && !equals(word.value, "continue")) return Malformed;
  options.oops_panics = panics;
  options.oops_set = true;
  return None;
}

WordFault set_thp(BootOptions& options, const BootWord& word) {
  const bool everywhere = word.has_value && equals(word.value, "always");
  const WordFault fault = everywhere ? None : set_bool(options.thp, word);
  if (everywhere) options.thp = true;
  if (fault == None) options.thp_everywhere = everywhere;
  return fault;
}

WordFault set_min_free(BootOptions& options, const BootWord& word) {
  return parse_number(word.value, options.min_free_kbytes) ? None : Malformed;
}

/// "fake=N" is a number of nodes; the kernel's "fake=512M", a size of each, is not supported.
WordFault set_numa(BootOptions& options, const BootWord& word) {
  Slice value = word.value;
  if (equals(value, "off")) {
    options.numa_fake = 1;
    return None;
  }
  if (!take_prefix(value, "fake=")) return Malformed;
  const WordFault fault = set_count(options.numa_fake, value, kMaxNodes);
  uint64_t bytes = 0, number = 0;
  const bool is_size = parse_size(value, bytes) && !parse_number(value, number);
  return fault == Malformed && is_size ? NotSupportedYet : fault;
}

/// The word without a value means the default period.
WordFault set_profile(BootOptions& options, const BootWord& word) {
  if (!word.has_value) return options.profile = Profile::kDefaultPeriod, None;
  return set_size(options.profile, word);
}

WordFault set_debug(BootOptions& options, const BootWord& word) {
  return options.slub_debug.parse(word.value) ? None : Malformed;
}

WordFault set_probation(BootOptions& options, const BootWord& word) {
  uint64_t value = 0;
  if (!parse_number(word.value, value) || value > 65535) return Malformed;
  options.probation = static_cast<uint32_t>(value);
  options.probation_set = true;
  return None;
}

WordFault set_sanitize(BootOptions& options, const BootWord& word) {
  const WordFault fault = set_bool(options.tells, word);
  if (fault == None) options.tells_set = true;
  return fault;
}

WordFault set_sysfs(BootOptions& options, const BootWord& word) {
  if (!word.value.size || word.value[0] != '/' || word.value.size >= sizeof options.sysfs) return Malformed;
  for (size_t i = 0; i < sizeof options.sysfs; ++i) options.sysfs[i] = i < word.value.size ? word.value[i] : '\0';
  return None;
}

WordFault set_leak_report(BootOptions& options, const BootWord& word) {
  if (!equals(word.value, "exit") && !equals(word.value, "off")) return Malformed;
  options.leaks_at_exit = equals(word.value, "exit");
  return None;
}

WordFault set_kfence_interval(BootOptions& options, const BootWord& word) {
  uint64_t value = 0;
  if (!parse_number(word.value, value) || value > 1'000'000) return Malformed;
  options.kfence_interval = static_cast<uint32_t>(value);
  options.kfence_asked_for = true;
  return None;
}

WordFault set_kfence_objects(BootOptions& options, const BootWord& word) {
  const WordFault fault = set_count(options.kfence_objects, word.value, 511);  // a pool is one block
  if (fault == None) options.kfence_asked_for = true;
  return fault;
}

/// SIGUSR1, SIGUSR2, or one of the real-time signals that C libraries leave to programs: programs use these for nothing else.
WordFault set_signal(uint32_t& out, Slice value) {
  constexpr uint32_t kUser1 = 10, kUser2 = 12, kFirstRealTime = 34, kLast = 64;
  uint32_t signal = 0;
  if (const WordFault fault = set_count(signal, value, kLast); fault != None) return fault;
  if (signal != kUser1 && signal != kUser2 && signal < kFirstRealTime) return Malformed;
  out = signal;
  return None;
}
WordFault set_validate_signal(BootOptions& options, const BootWord& word) {
  return set_signal(options.validate_signal, word.value);
}
WordFault set_profile_signal(BootOptions& options, const BootWord& word) {
  return set_signal(options.profile_signal, word.value);
}

WordFault set_memblock(BootOptions& options, const BootWord& word) {
  if (!equals(word.value, "debug")) return Malformed;
  options.memblock_debug = true;
  return None;
}

/// Where a zone ends, by its name in lower case.
bool parse_zone(Slice text, uint64_t& below) {
  if (equals(text, "dma")) below = uint64_t{16} << 20;
  else if (equals(text, "dma32")) below = uint64_t{4} << 30;
  else return equals(text, "normal");
  return true;
}

bool parse_reserve(Slice text, ReserveWord& reserve) {
  const Slice name = cut(text, ':');
  if (!name.size || name.size >= sizeof reserve.name) return false;
  for (size_t i = 0; i < name.size; ++i) reserve.name[i] = name[i];
  const bool more = text.size && text[text.size - 1] == ',';
  Slice place = cut(text, ',');
  const bool in_zone = place.size && place[place.size - 1] == '@';
  const Slice bytes = cut(place, '@');
  if (more || in_zone || !parse_size(bytes, reserve.bytes) || !reserve.bytes) return false;
  if (place.size && !parse_zone(place, reserve.below)) return false;
  reserve.huge = text.size != 0;
  return !text.size || equals(text, "huge");
}

/// May be given several times, each with its own name; of equal names the last one wins.
WordFault set_reserve(BootOptions& options, const BootWord& word) {
  ReserveWord parsed;
  if (!parse_reserve(word.value, parsed)) return Malformed;
  for (ReserveWord& place : options.reserve) {
    if (place.name[0] && !equals({parsed.name, length_of(parsed.name)}, place.name)) continue;
    place = parsed;
    return None;
  }
  return Malformed;
}

/// The setter checks and stores.
struct KnownWord {
  const char* name;
  WordFault (*set)(BootOptions&, const BootWord&);
};

constexpr KnownWord kWords[] = {
    {"mem", [](BootOptions& o, const BootWord& w) { return set_size(o.mem, w); }},
    {"nr_cpus", [](BootOptions& o, const BootWord& w) { return set_count(o.nr_cpus, w.value, kMaxCpus); }},
    {"min_free_kbytes", set_min_free},
    {"numa", set_numa},
    {"slab_nomerge", [](BootOptions& o, const BootWord& w) { return set_bool(o.slab_nomerge, w); }},
    {"init_on_alloc", [](BootOptions& o, const BootWord& w) { return set_bool(o.init_on_alloc, w); }},
    {"init_on_free", [](BootOptions& o, const BootWord& w) { return set_bool(o.init_on_free, w); }},
    {"panic_on_warn", [](BootOptions& o, const BootWord& w) { return set_bool(o.panic_on_warn, w); }},
    {"validate", [](BootOptions& o, const BootWord& w) { return set_bool(o.validate, w); }},
    {"validate_signal", set_validate_signal},
    {"stats", [](BootOptions& o, const BootWord& w) { return set_bool(o.stats, w); }},
    {"profile", set_profile},
    {"profile_signal", set_profile_signal},
    {"kmemleak", [](BootOptions& o, const BootWord& w) { return set_bool(o.kmemleak, w); }},
    {"leak_report", set_leak_report},
    {"sysfs", set_sysfs},
    {"sanitize", set_sanitize},
    {"kfence.sample_interval", set_kfence_interval},
    {"kfence.num_objects", set_kfence_objects},
    {"rseq", [](BootOptions& o, const BootWord& w) { return set_bool(o.rseq, w); }},
    {"thp", set_thp},
    {"highmem", [](BootOptions& o, const BootWord& w) { return set_size(o.highmem, w); }},
    {"vmalloc", [](BootOptions& o, const BootWord& w) { return set_size(o.vmalloc, w); }},
    {"alias", [](BootOptions& o, const BootWord& w) { return set_bool(o.alias, w); }},
    {"debug_preempt", [](BootOptions& o, const BootWord& w) { return set_bool(o.debug_preempt, w); }},
    {"might_sleep", [](BootOptions& o, const BootWord& w) { return set_bool(o.might_sleep, w); }},
    {"kswapd", [](BootOptions& o, const BootWord& w) { return set_bool(o.kswapd, w); }},
    {"panic_on_oom", [](BootOptions& o, const BootWord& w) { return set_bool(o.panic_on_oom, w); }},
    {"cgroup", [](BootOptions& o, const BootWord& w) { return set_bool(o.cgroup, w); }},
    {"cgroup_poll", [](BootOptions& o, const BootWord& w) { return set_bool(o.cgroup_poll, w); }},
    {"membarrier", [](BootOptions& o, const BootWord& w) { return set_bool(o.membarrier, w); }},
    {"psi", [](BootOptions& o, const BootWord& w) { return set_bool(o.psi, w); }},
    {"slub_debug", set_debug},
    {"slab_debug", set_debug},
    {"slab_quarantine", [](BootOptions& o, const BootWord& w) { return set_size(o.quarantine, w); }},
    {"slab_probation", set_probation},
    {"reserve", set_reserve},
    {"memblock", set_memblock},
    {"hardened", set_hardened},
    {"oops", set_oops},
};

WordFault read_word(BootOptions& options, const BootWord& word) {
  if (is_fault_word(word.name)) return parse_fault_word(word, options.faults) ? None : Malformed;
  for (const KnownWord& known : kWords)
    if (is_named(word.name, known.name)) return known.set(options, word);
  return Unknown;
}

void log_complaint(void*, WordFault fault, const BootWord& word) {
  const char* what = fault == Unknown ? "is unknown" : fault == Malformed ? "is malformed" : "is not supported yet";
  note("boot word '%.*s' %s, ignored", static_cast<int>(word.whole.size < 200 ? word.whole.size : 200), word.whole.data, what);
}

}  // namespace

void parse_command_line(const char* line, BootOptions& options, WordComplaint complain, void* context) {
  BootWords words(line);
  for (BootWord word; words.next(word);)
    if (const WordFault fault = read_word(options, word); fault != None && complain) complain(context, fault, word);
}

void parse_command_line(const char* line, BootOptions& options) { parse_command_line(line, options, log_complaint, nullptr); }

}  // namespace kmem
