// Unit tests: <kunit/test.h>.  Runs suites one after another, with results as KTAP.
#include <cerrno>
#include <csetjmp>
#include <cstdarg>

#include <kunit/test.h>
#include <linux/sprintf.h>

namespace {

thread_local kunit* current_test;

struct Totals {
  int pass = 0, fail = 0, skip = 0;
  void add(kunit_status status) { ++(status == KUNIT_SUCCESS ? pass : status == KUNIT_FAILURE ? fail : skip); }
  int all() const { return pass + fail + skip; }
  kunit_status status() const { return fail ? KUNIT_FAILURE : all() > 0 && skip == all() ? KUNIT_SKIPPED : KUNIT_SUCCESS; }
};

void say(int indent, const char* format, ...) __attribute__((__format__(__printf__, 2, 3)));
void say(int indent, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  kmem_driver_vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  printk(KERN_INFO "%*s%s\n", 4 * indent, "", text);
}
void say_result(int indent, kunit_status status, int number, const char* name, const char* comment) {
  const char* const ok = status == KUNIT_FAILURE ? "not ok" : "ok";
  if (status == KUNIT_SKIPPED) say(indent, "%s %d %s # SKIP %s", ok, number, name, comment);
  else say(indent, "%s %d %s", ok, number, name);
}
void say_totals(int indent, const char* name, const Totals& totals) {
  say(indent, "# %s: pass:%d fail:%d skip:%d total:%d", name, totals.pass, totals.fail, totals.skip, totals.all());
}

void give_back(kunit* test) {
  while (!list_empty(&test->resources)) kunit_remove_resource(test, list_last_entry(&test->resources, kunit_resource, node));
}

/// Runs a step of a case until its end, or until it aborts.
template <class Step>
void guarded(kunit* test, Step step) {
  std::jmp_buf end;
  test->kmem_end = &end;
  if (setjmp(end) == 0) step();  // NOLINT: the frames of a case have no destructors
}

void init_and_run(kunit* test, const kunit_suite* suite, const kunit_case* one) {
  if (suite->init) {
    if (const int error = suite->init(test))
      return kmem_kunit_fail(test, false, __FILE__, __LINE__, "failed to initialize: %d", error);
  }
  if (test->status == KUNIT_SUCCESS) one->run_case(test);
}

kunit_status run_once(const kunit_suite* suite, const kunit_case* one, kunit* test) {
  spin_lock_init(&test->lock);
  INIT_LIST_HEAD(&test->resources);
  test->name = one->name;
  test->status = KUNIT_SUCCESS;
  test->status_comment[0] = 0;
  current_test = test;
  guarded(test, [&] { init_and_run(test, suite, one); });
  if (suite->exit) guarded(test, [&] { suite->exit(test); });
  guarded(test, [&] { give_back(test); });
  current_test = nullptr;
  return test->status;
}

kunit_status run_parameters(const kunit_suite* suite, const kunit_case* one, kunit* test) {
  Totals totals;
  char description[KUNIT_PARAM_DESC_SIZE] = "";
  say(2, "KTAP version 1");
  say(2, "# Subtest: %s", one->name);
  test->kmem_indent = 2;
  for (const void* value = one->generate_params(nullptr, description); value; ++test->param_index) {
    if (!description[0]) scnprintf(description, sizeof(description), "param-%d", test->param_index);
    test->param_value = value;
    test->priv = nullptr;
    const kunit_status status = run_once(suite, one, test);
    totals.add(status);
    say_result(2, status, test->param_index + 1, description, test->status_comment);
    description[0] = 0;
    value = one->generate_params(value, description);
  }
  say_totals(1, one->name, totals);
  return totals.status();
}

Totals run_cases(const kunit_suite* suite) {
  Totals totals;
  int number = 0;
  for (const kunit_case* one = suite->test_cases; one->run_case; ++one) {
    kunit test{};
    test.kmem_indent = 1;
    const kunit_status status = one->generate_params ? run_parameters(suite, one, &test) : run_once(suite, one, &test);
    totals.add(status);
    say_result(1, status, ++number, one->name, test.status_comment);
  }
  return totals;
}

kunit_status run_suite(kunit_suite* suite) {
  int cases = 0;
  while (suite->test_cases[cases].run_case) ++cases;
  say(1, "KTAP version 1");
  say(1, "# Subtest: %s", suite->name);
  say(1, "1..%d", cases);
  if (suite->suite_init) {
    if (const int error = suite->suite_init(suite)) {
      say(1, "# %s: failed to initialize (%d)", suite->name, error);
      return KUNIT_FAILURE;
    }
  }
  const Totals totals = run_cases(suite);
  if (suite->suite_exit) suite->suite_exit(suite);
  say_totals(0, suite->name, totals);
  return totals.status();
}

/// Logs the first line of a failure; the caller adds the lines of the check, and ends the case for an assertion.
void begin_failure(kunit* test, bool assertion, const char* file, int line) {
  test->status = KUNIT_FAILURE;
  say(test->kmem_indent, "# %s: %s FAILED at %s:%d", test->name, assertion ? "ASSERTION" : "EXPECTATION", file, line);
}
void end_failure(kunit* test, bool assertion, const char* message) {
  if (message[0]) say(test->kmem_indent, "%s", message);
  if (assertion) kmem_kunit_abort(test);
}

}  // namespace

int kmem_kunit_run(kunit_suite* const* suites, int n) noexcept {
  bool good = true;
  printk(KERN_INFO "KTAP version 1\n1..%d\n", n);
  for (int i = 0; i < n; ++i) {
    const kunit_status status = run_suite(suites[i]);
    say_result(0, status, i + 1, suites[i]->name, "");
    good &= status != KUNIT_FAILURE;
  }
  return good ? 0 : -EINVAL;
}

kunit* kunit_get_current_test() noexcept { return current_test; }
void kmem_kunit_abort(kunit* test) { std::longjmp(*static_cast<std::jmp_buf*>(test->kmem_end), 1); }

void kmem_kunit_fail(kunit* test, bool assertion, const char* file, int line, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  kmem_driver_vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  begin_failure(test, assertion, file, line);
  end_failure(test, assertion, text);
}
void kmem_kunit_fail_binary(kunit* test, bool assertion, const char* file, int line, const char* left, const char* op,
                            const char* right, bool pointers, long long left_value, long long right_value,
                            const char* message) {
  begin_failure(test, assertion, file, line);
  say(test->kmem_indent, "Expected %s %s %s, but", left, op, right);
  if (pointers) {
    say(test->kmem_indent + 1, "%s == %016llx", left, left_value);
    say(test->kmem_indent + 1, "%s == %016llx", right, right_value);
  } else {
    say(test->kmem_indent + 1, "%s == %lld (0x%llx)", left, left_value, left_value);
    say(test->kmem_indent + 1, "%s == %lld (0x%llx)", right, right_value, right_value);
  }
  end_failure(test, assertion, message);
}
void kmem_kunit_fail_text(kunit* test, bool assertion, const char* file, int line, const char* left, const char* op,
                          const char* right, const char* left_text, const char* right_text, const char* message) {
  begin_failure(test, assertion, file, line);
  say(test->kmem_indent, "Expected %s %s %s, but", left, op, right);
  say(test->kmem_indent + 1, "%s == \"%s\"", left, left_text ? left_text : "(null)");
  say(test->kmem_indent + 1, "%s == \"%s\"", right, right_text ? right_text : "(null)");
  end_failure(test, assertion, message);
}

void kmem_kunit_log(const kunit* test, const char* level, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int length = kmem_driver_vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (length >= static_cast<int>(sizeof(text))) length = sizeof(text) - 1;
  if (length > 0 && text[length - 1] == '\n') text[length - 1] = 0;
  printk("%s%*s%s\n", level, 4 * test->kmem_indent, "", text);
}

const char* kmem_kunit_message(kunit* test, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char* const text = kmem_driver_kvasprintf(GFP_KERNEL, format, arguments);
  va_end(arguments);
  const auto drop = [](void* memory) { kfree(memory); };
  return text && kunit_add_action_or_reset(test, drop, text) == 0 ? text : "";
}
