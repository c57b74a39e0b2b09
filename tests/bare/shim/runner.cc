// Finds the tests, runs them, and says what happened: TAP, one line for each test.

#include <string.h>

#include "bare.h"
#include "gtest/gtest.h"

namespace testing {

std::string Message::positive(uint64_t value) {
  char digits[24], *at = digits + sizeof digits;
  do *--at = static_cast<char>('0' + value % 10);
  while (value /= 10);
  return {at, digits + sizeof digits};
}
std::string Message::number(int64_t value) {
  return value < 0 ? "-" + positive(0 - static_cast<uint64_t>(value)) : positive(static_cast<uint64_t>(value));
}
std::string Message::hex(uint64_t value) {
  std::string text;
  do text.insert(text.begin(), "0123456789abcdef"[value & 15]);
  while (value >>= 4);
  return text;
}

namespace {
internal::Registered *first = nullptr, **last = &first;
internal::Parameters* parameters = nullptr;
bool failed = false, fatal = false, skipped = false;
std::string why_skipped;

bool matches(const char* pattern, const char* text) {
  if (*pattern == '*') return matches(pattern + 1, text) || (*text && matches(pattern, text + 1));
  return *pattern == *text && (!*text || matches(pattern + 1, text + 1));
}
}  // namespace

bool Test::HasFatalFailure() { return fatal; }
bool Test::HasFailure() { return failed; }

namespace internal {

Registered::Registered(const char* s, const char* n, Test* (*m)(), bool p) : suite(s), name(n), make(m), with_parameter(p) {
  *last = this;
  last = &next;
}
Parameters::Parameters(const char* s, size_t n, void (*f)(size_t i)) : suite(s), nr(n), set(f), next(parameters) {
  parameters = this;
}

void Report::operator=(const Message& message) const {
  if (kind == Skip) {
    skipped = true;
    why_skipped = message.text;
    return;
  }
  failed = true;
  fatal = fatal || kind == Fatal;
  bare::say("# %s:%d: %s %s\n", file, line, what.c_str(), message.text.c_str());
}

Comparison compare_text(const char* a, const char* b, const char* x, const char* y) {
  if (x == y || (x && y && !strcmp(x, y))) return {true, {}};
  return {false, unequal(a, "==", b, x ? x : "(null)", y ? y : "(null)")};
}

namespace {
char captured[1 << 16];
size_t nr_captured = 0;
}  // namespace

void CaptureStderr() {
  nr_captured = 0;
  bare::reads_along = [](const char* text, size_t bytes) {
    if (bytes > sizeof captured - nr_captured) bytes = sizeof captured - nr_captured;
    memcpy(captured + nr_captured, text, bytes);
    nr_captured += bytes;
  };
}
std::string GetCapturedStderr() {
  bare::reads_along = nullptr;
  return {captured, nr_captured};
}

unsigned nr_tests() {
  unsigned nr = 0;
  for (Registered* test = first; test; test = test->next) ++nr;
  return nr;
}

static bool run(const Registered& test, unsigned number) {
  failed = fatal = skipped = false;
  const uint64_t from = bare::now_ns();
  Test* made = test.make();
  if (!fatal && !skipped) made->SetUp();
  if (!fatal && !skipped) made->TestBody();
  made->TearDown();
  delete made;
  bare::say("%s %u - %s.%s%s%s # %lu us\n", failed ? "not ok" : "ok", number, test.suite, test.name, skipped ? " # SKIP " : "",
            skipped ? why_skipped.c_str() : "", static_cast<unsigned long>((bare::now_ns() - from) / 1000));
  return !failed;
}

/// Once, or once for each parameter: how many failed.
static unsigned run_all_of(const Registered& test, unsigned& number) {
  if (!test.with_parameter) return !run(test, ++number);
  unsigned nr_failed = 0;
  for (const Parameters* p = parameters; p; p = p->next)
    for (size_t i = 0; !strcmp(p->suite, test.suite) && i < p->nr; ++i) {
      p->set(i);
      nr_failed += !run(test, ++number);
    }
  return nr_failed;
}

static const char* left_out[16];
void leave_out(const char* name) {
  for (const char*& place : left_out)
    if (!place) return void(place = name);
}
static bool is_left_out(const char* name) {
  for (const char* one : left_out)
    if (one && !strcmp(one, name)) return true;
  return false;
}

unsigned run_tests(const char* pattern) {
  unsigned number = 0, nr_failed = 0;
  for (const Registered* test = first; test; test = test->next) {
    const std::string name = std::string(test->suite) + "." + test->name;
    if (!pattern && is_left_out(name.c_str())) bare::say("ok %u - %s # SKIP not on this machine\n", ++number, name.c_str());
    else if (!pattern || matches(pattern, name.c_str())) nr_failed += run_all_of(*test, number);
  }
  bare::say("1..%u\n", number);
  bare::say("%u passed, %u failed\n", number - nr_failed, nr_failed);
  return nr_failed;
}

}  // namespace internal
}  // namespace testing
