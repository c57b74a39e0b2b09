#include "boot/fault_words.h"

namespace kmem {
namespace {

template <size_t N>
bool copy(Slice text, char (&to)[N]) {
  if (!text.size || text.size >= N) return false;
  for (size_t i = 0; i < text.size; ++i) to[i] = text[i];
  to[text.size] = 0;
  return true;
}

bool parse_up_to(Slice text, uint64_t most, uint32_t& value) {
  uint64_t n;
  if (!parse_number(text, n) || n > most) return false;
  value = static_cast<uint32_t>(n);
  return true;
}

bool parse_times(Slice text, int64_t& times) {
  if (equals(text, "-1")) return times = -1, true;
  uint64_t n;
  if (!parse_number(text, n) || n > uint64_t{INT64_MAX}) return false;
  times = static_cast<int64_t>(n);
  return true;
}

// Flags -------------------------------------------------------------------------------------------------------------

struct Flag {
  const char* name;
  uint32_t bits;
};
// As <linux/gfp_types.h> numbers them (faces/kernel/kmem_fault.cc compares).
constexpr Flag kFlags[] = {
    {"GFP_KERNEL", 0x3c0},
    {"GFP_ATOMIC", 0x220},
    {"GFP_NOWAIT", 0x600},
    {"GFP_NOIO", 0x300},
    {"GFP_NOFS", 0x340},
    {"GFP_USER", 0x1003c0},
    {"GFP_HIGHUSER", 0x1003c2},
    {"GFP_DMA", 0x1},
    {"GFP_DMA32", 0x4},
    {"__GFP_DMA", 0x1},
    {"__GFP_HIGHMEM", 0x2},
    {"__GFP_DMA32", 0x4},
    {"__GFP_HIGH", 0x20},
    {"__GFP_IO", 0x40},
    {"__GFP_FS", 0x80},
    {"__GFP_DIRECT_RECLAIM", 0x100},
    {"__GFP_KSWAPD_RECLAIM", 0x200},
    {"__GFP_NOWARN", 0x400},
    {"__GFP_RETRY_MAYFAIL", 0x800},
    {"__GFP_NORETRY", 0x2000},
    {"__GFP_ZERO", 0x4000},
    {"__GFP_COMP", 0x8000},
    {"__GFP_THISNODE", 0x10000},
    {"__GFP_ACCOUNT", 0x20000},
    {"__GFP_MEMALLOC", 0x40000},
    {"__GFP_NOMEMALLOC", 0x80000},
    {"__GFP_COLD", 0x400000},
};

/// "GFP_ATOMIC|__GFP_ZERO", or a number.
bool parse_flags(Slice text, uint32_t& bits) {
  uint32_t sum = 0;
  while (text.size) {
    const Slice one = cut(text, '|');
    uint64_t number = 0;
    bool known = parse_size(one, number) && number <= UINT32_MAX;
    sum |= known ? static_cast<uint32_t>(number) : 0;
    for (const Flag& flag : kFlags) {
      if (!equals(one, flag.name)) continue;
      known = true;
      sum |= flag.bits;
    }
    if (!known) return false;
  }
  bits = sum;
  return sum != 0;
}

// Call sites ----------------------------------------------------------------------------------------------------------

/// "0x400000-0x401000", or the name of the file that code was loaded from.
bool parse_site(Slice text, CodeSite& site) {
  Slice rest = text;
  const Slice from = cut(rest, '-');
  if (parse_size(from, site.start) && parse_size(rest, site.end)) return site.start < site.end;
  site.start = site.end = 0;
  return copy(text, site.module);
}

bool add_site(Slice text, CodeSite* sites, unsigned& nr) {
  if (nr == kMaxCodeSites || !parse_site(text, sites[nr])) return false;
  ++nr;
  return true;
}

bool add_cache(FaultSettings& s, Slice text) {
  for (auto& cache : s.caches)
    if (!cache[0]) return copy(text, cache);
  return false;
}

// Attributes ----------------------------------------------------------------------------------------------------------

struct Attribute {
  const char* name;
  bool (*set)(FaultSettings&, Slice);
};
constexpr Attribute kAttributes[] = {
    {"verbose", [](FaultSettings& s, Slice v) { return parse_up_to(v, 2, s.verbose); }},
    {"stacktrace_depth", [](FaultSettings& s, Slice v) { return parse_up_to(v, 32, s.stacktrace_depth); }},
    {"seed", [](FaultSettings& s, Slice v) { return parse_size(v, s.seed) && s.seed; }},
    {"ignore_gfp_wait", [](FaultSettings& s, Slice v) { return parse_bool(v, s.ignore_gfp_wait); }},
    {"ignore_gfp_highmem", [](FaultSettings& s, Slice v) { return parse_bool(v, s.ignore_gfp_highmem); }},
    {"cache_filter", [](FaultSettings& s, Slice v) { return parse_bool(v, s.cache_filter); }},
    {"task_filter", [](FaultSettings& s, Slice v) { return parse_bool(v, s.task_filter); }},
    {"min_order", [](FaultSettings& s, Slice v) { return parse_up_to(v, kMaxOrder, s.min_order); }},
    {"cache", add_cache},
    {"gfp", [](FaultSettings& s, Slice v) { return parse_flags(v, s.gfp_required); }},
    {"not_gfp", [](FaultSettings& s, Slice v) { return parse_flags(v, s.gfp_rejected); }},
    {"require", [](FaultSettings& s, Slice v) { return add_site(v, s.required, s.nr_required); }},
    {"reject", [](FaultSettings& s, Slice v) { return add_site(v, s.rejected, s.nr_rejected); }},
};

bool parse_attribute(Slice text, FaultSettings& s) {
  Slice value = text;
  const Slice name = cut(value, '=');
  for (const Attribute& known : kAttributes)
    if (is_named(name, known.name)) return known.set(s, value);
  return false;
}

/// The four numbers, as the kernel's setup_fault_attr() takes them, then attributes.
bool parse_settings(Slice text, FaultSettings& s) {
  s.on = true;
  if (!parse_up_to(cut(text, ','), UINT32_MAX, s.interval) || !s.interval) return false;
  if (!parse_up_to(cut(text, ','), 100, s.probability)) return false;
  if (!parse_size(cut(text, ','), s.space) || !parse_times(cut(text, ','), s.times)) return false;
  while (text.size)
    if (!parse_attribute(cut(text, ','), s)) return false;
  return true;
}

bool parse_point(FaultPoint point, Slice text, FaultOptions& options) {
  FaultSettings settings;
  if (!parse_settings(text, settings)) return false;
  options.points[static_cast<unsigned>(point)] = settings;
  return true;
}

bool parse_function(Slice text, FaultOptions& options) {
  const Slice name = cut(text, ',');
  for (unsigned i = 0; i < kNrFaultPoints; ++i)
    if (is_named(name, fault_function_name(static_cast<FaultPoint>(i))))
      return parse_point(static_cast<FaultPoint>(i), text, options);
  return false;
}

bool parse_nth_attribute(Slice text, FailNth& nth) {
  if (equals(text, "once")) return nth.forever = false, true;
  if (equals(text, "forever")) return nth.forever = true;
  const Slice name = cut(text, '=');
  if (equals(name, "record")) return copy(text, nth.record);
  return equals(name, "verbose") && parse_up_to(text, 2, nth.verbose);
}

bool parse_nth(Slice text, FaultOptions& options) {
  FailNth nth;
  nth.on = true;
  if (!parse_number(cut(text, ','), nth.n)) return false;
  while (text.size)
    if (!parse_nth_attribute(cut(text, ','), nth)) return false;
  options.nth = nth;
  return true;
}

}  // namespace

bool is_fault_word(Slice name) {
  return is_named(name, "failslab") || is_named(name, "fail_page_alloc") || is_named(name, "fail_function") ||
         is_named(name, "fail_nth");
}

bool parse_fault_word(const BootWord& word, FaultOptions& options) {
  if (!word.value.size || word.value[word.value.size - 1] == ',') return false;
  if (is_named(word.name, "failslab")) return parse_point(FaultPoint::Slab, word.value, options);
  if (is_named(word.name, "fail_page_alloc")) return parse_point(FaultPoint::Pages, word.value, options);
  return is_named(word.name, "fail_nth") ? parse_nth(word.value, options) : parse_function(word.value, options);
}

}  // namespace kmem
