#include "watch/report.h"

#include "port/port.h"
#include "watch/nr_reports.h"

namespace kmem {

namespace {

Atomic<bool> panics_on_warn;
Atomic<bool> panics_on_bug;
Atomic<bool> goes_on{false};
Atomic<uint64_t> nr_complaints;
Atomic<const char*> report_facts;

/// Room for a name in a call trace: enough for most, and not so much that the outer callers are cut off.
constexpr size_t kTraceName = 104;

/// The kernel's message about suppressed reports.
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

Report& Report::call_trace(Names names) {
  void* frames[kFrames];
  const unsigned n = kmem_port_backtrace(frames, kFrames);
  if (n == 0) return *this;
  line("Call Trace:");
  for (unsigned i = 0; i < n; ++i) put_frame(frames[i], names);
  return *this;
}

void Report::put_frame(const void* code, Names names) {
  char name[kTraceName];
  text_.put(prefix_).printf(" [<%p>]", code);
  if (names == Names::FromFiles && kmem_port_name_code(code, name, sizeof name)) text_.put(' ').put(name);
  text_.put('\n');
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

/// The text after the prefix `with`; nullptr if it has another beginning.
const char* after(const char* text, const char* with) {
  while (*with && *text == *with) ++text, ++with;
  return *with ? nullptr : text;
}

/// Names that only our own functions begin with: the core's, the ports', those behind the public headers, operator new
/// and delete, and the slow ways of malloc's face.
constexpr const char* kOwnBeginnings[] = {"_ZN4kmem",
                                          "_ZNK4kmem",
                                          "kmem_",
                                          "_ZN10linux_port",
                                          "_Znw",
                                          "_Zna",
                                          "_Zdl",
                                          "_Zda",
                                          "_ZN12_GLOBAL__N_113malloc_slowly",
                                          "_ZN12_GLOBAL__N_117malloc_past_sheaf",
                                          "_ZN12_GLOBAL__N_113calloc_slowly",
                                          "_ZN12_GLOBAL__N_114aligned_slowly",
                                          "_ZN12_GLOBAL__N_111free_slowly",
                                          "_ZN12_GLOBAL__N_115free_past_sheaf",
                                          "_ZN12_GLOBAL__N_111free_zeroed",
                                          "_ZN12_GLOBAL__N_117free_sized_slowly",
                                          "_ZN12_GLOBAL__N_18put_away",
                                          "_ZN12_GLOBAL__N_112alloc_slowly",
                                          "_ZN12_GLOBAL__N_114kmalloc_slowly",
                                          "_ZN12_GLOBAL__N_112kfree_slowly",
                                          "_ZN12_GLOBAL__N_114realloc_slowly",
                                          "_ZN12_GLOBAL__N_118realloc_past_sheaf",
                                          "_ZN12_GLOBAL__N_115realloc_filling",
                                          "_ZN12_GLOBAL__N_110free_badly"};
/// Names that are ours as a whole: a program's free_tree() is a caller.
constexpr const char* kOwnNames[] = {"malloc",         "calloc",   "realloc", "reallocarray", "free",    "aligned_alloc",
                                     "posix_memalign", "memalign", "valloc",  "pvalloc",      "kmalloc", "kfree"};

/// Is the function kmem's, including the ones that programs call?
bool is_own(const void* frame) {
  char name[80];
  if (!kmem_port_name_code(frame, name, sizeof name)) return false;
  for (const char* beginning : kOwnBeginnings)
    if (after(name, beginning)) return true;
  for (const char* own : kOwnNames)
    if (const char* rest = after(name, own); rest && (*rest == '+' || !*rest)) return true;
  return false;
}

}  // namespace

unsigned own_frames(void* const* frames, unsigned nr) {
  // A stripped library has no names. Inline functions of our headers may be functions of the program.
  unsigned own = kmem_port_own_frames(frames, nr);
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
  after_report(kind);
}

void begin_bug_report(Trouble kind, const char* format, ...) {
  Report report;
  va_list list;
  va_start(list, format);
  put_trouble(report, kind, format, list);
  va_end(list);
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
  after_report(kind);
}

void note(const char* format, ...) {
  Report report;
  va_list list;
  va_start(list, format);
  report.vline(format, list);
  va_end(list);
}

uint64_t nr_reports() { return nr_complaints.load(); }
bool panic_on_warn() { return panics_on_warn.load(); }
void set_panic_on_bug(bool on) { panics_on_bug.store(on); }
void set_panic_on_warn(bool on) { panics_on_warn.store(on); }
void set_report_facts(const char* line) { report_facts.store(line); }

void set_go_on(bool on) { goes_on.store(on); }

// As the kernel, switches the setting off before it panics, so that a warning during the panic does not panic again.
static void end_report(bool panics) {
  nr_complaints.fetch_add(1);
  if (!panic_on_warn() && !panics) return;
  note(panic_on_warn() ? "Kernel panic - not syncing: panic_on_warn set ..." : "Kernel panic - not syncing: Fatal exception");
  set_panic_on_warn(false);
  set_panic_on_bug(false);
  kmem_port_panic();
}

void after_report(Trouble kind) { end_report(kind == Trouble::Bug && panics_on_bug.load()); }
void after_fatal_report() { end_report(!goes_on.load()); }

}  // namespace kmem
