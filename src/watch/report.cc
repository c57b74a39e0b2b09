#include "watch/report.h"

#include "port/port.h"

namespace kmem {

namespace {

Atomic<bool> panics_on_warn;
Atomic<const char*> report_facts;

/// The kernel's own words when a RateLimit held something back.
void tell_suppressed(Report& report, const char* what, uint64_t n) {
  if (n) report.line("%s: %llu callbacks suppressed", what, static_cast<unsigned long long>(n));
}

void put_trouble(Report& report, Trouble kind, const char* format, va_list arguments) {
  TextOf<512> words;
  words.vprintf(format, arguments);
  report.line("%s: %s", kind == Trouble::Bug ? "BUG" : "WARNING", words.data());
  if (const char* facts = report_facts.load()) report.line("%s", facts);
  report.call_trace();
}

}  // namespace

Report& Report::vline(const char* format, va_list arguments) {
  text_.put(prefix_).vprintf(format, arguments).put('\n');
  return *this;
}

Report& Report::line(const char* format, ...) {
  va_list list;
  va_start(list, format);
  vline(format, list);
  va_end(list);
  return *this;
}

Report& Report::call_trace() {
  void* frames[kFrames];
  const unsigned n = kmem_port_backtrace(frames, kFrames);
  if (n == 0) return *this;
  line("Call Trace:");
  for (unsigned i = 0; i < n; ++i) line(" [<%p>]", frames[i]);
  return *this;
}

Report& Report::callers(void* const* frames, unsigned nr) {
  for (unsigned i = 0; i < nr; ++i) {
    text_.put(prefix_).put(' ');
    put_code_name(text_, frames[i]);
    text_.put('\n');
  }
  return *this;
}

void put_code_name(Text& out, const void* code) {
  char name[160];
  if (kmem_port_name_code(code, name, sizeof name)) out.put(name);
  else out.printf("0x%p", code);
}

namespace {

bool begins(const char* text, const char* with) {
  while (*with && *text == *with) ++text, ++with;
  return !*with;
}

/// A frame of the inside, or of the functions that programs call.
bool is_own(const void* frame) {
  static constexpr const char* kInner[] = {"_ZN4kmem", "_ZNK4kmem", "kmem_port", "_ZN10linux_port"};
  static constexpr const char* kFace[] = {
      "malloc",  "calloc",  "realloc",  "free",         "kmalloc",     "kfree",         "krealloc",
      "kvfree",  "kvmalloc", "aligned_alloc", "memalign", "posix_memalign", "kmem_cache_alloc", "kmem_cache_free",
      "_Znw",    "_Zna",    "_Zdl",     "_Zda",         "_ZN12_GLOBAL__N_113malloc_slowly",
      "_ZN12_GLOBAL__N_111free_slowly", "_ZN12_GLOBAL__N_112alloc_slowly", "_ZN12_GLOBAL__N_114kmalloc_slowly",
      "_ZN12_GLOBAL__N_112kfree_slowly", "_ZN12_GLOBAL__N_114realloc_slowly", "_ZN12_GLOBAL__N_110free_badly"};
  char name[80];
  if (!kmem_port_name_code(frame, name, sizeof name)) return false;
  for (const char* inner : kInner)
    if (begins(name, inner)) return true;
  for (const char* face : kFace)
    if (begins(name, face)) return true;
  return false;
}

}  // namespace

unsigned own_frames(void* const* frames, unsigned nr) {
  unsigned own = 0;
  while (own < nr && is_own(frames[own])) ++own;
  return own < nr ? own : 0;
}

void Report::send() {
  if (text_.total() == 0) return;
  size_t length = text_.size();
  if (text_.cut()) {
    // The room behind the text was kept for this line.
    Text tail(Span<char>(room_ + length, kBytes - length));
    tail.put('\n').put(prefix_).printf("... %zu characters cut", text_.cut()).put('\n');
    length += tail.size();
    room_[length - 1] = '\n';
  }
  kmem_port_log(room_, length);
  text_.clear();
}

void vbug_report(Trouble kind, const char* format, va_list arguments) {
  {
    Report report;
    put_trouble(report, kind, format, arguments);
  }
  after_report();
}

void bug_report(Trouble kind, const char* format, ...) {
  va_list list;
  va_start(list, format);
  vbug_report(kind, format, list);
  va_end(list);
}

void bug_report_limited(RateLimit& limit, Trouble kind, const char* format, ...) {
  const RateLimit::Verdict verdict = limit.ask();
  if (verdict.allowed) {
    Report report;
    tell_suppressed(report, "bug_report", verdict.suppressed);
    va_list list;
    va_start(list, format);
    put_trouble(report, kind, format, list);
    va_end(list);
  }
  after_report();
}

void note(const char* format, ...) {
  Report report;
  va_list list;
  va_start(list, format);
  report.vline(format, list);
  va_end(list);
}

bool panic_on_warn() { return panics_on_warn.load(); }
void set_panic_on_warn(bool on) { panics_on_warn.store(on); }
void set_report_facts(const char* line) { report_facts.store(line); }

void after_report() {
  if (!panic_on_warn()) return;
  // The kernel takes the word back before it dies, so that what the panic itself finds is not a panic again.
  set_panic_on_warn(false);
  note("Kernel panic - not syncing: panic_on_warn set ...");
  kmem_port_panic();
}

}  // namespace kmem
