/* Suites whose results the test looks at. */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/module.h>

int released[8], nr_released, cleaned;

static void note_release(void* context) { released[nr_released++] = (int)(long)context; }

static int shared_init(struct kunit* test) {
  test->priv = kunit_kzalloc(test, 64, GFP_KERNEL);
  KUNIT_ASSERT_NOT_ERR_OR_NULL(test, test->priv);
  return 0;
}
static void shared_exit(struct kunit* test) {
  ++cleaned;
  (void)test;
}

static void passes(struct kunit* test) {
  const char* text = "kernel";
  KUNIT_EXPECT_EQ(test, 2 + 2, 4);
  KUNIT_EXPECT_LT_MSG(test, 1u, 2u, "never seen %d", 1);
  KUNIT_EXPECT_STREQ(test, text, "kernel");
  KUNIT_EXPECT_MEMNEQ(test, "ab", "ac", 2);
  KUNIT_EXPECT_PTR_NE(test, test->priv, NULL);
  KUNIT_EXPECT_NOT_NULL(test, test->priv);
  KUNIT_EXPECT_PTR_EQ(test, kunit_get_current_test(), test);
  kunit_info(test, "about %s", "to end");
}
static void goes_on_behind_an_expectation(struct kunit* test) {
  KUNIT_EXPECT_EQ_MSG(test, 7, 8, "value of %s", "x");
  KUNIT_EXPECT_STREQ(test, "a", "b");
  note_release((void*)7L);
}
static void ends_at_an_assertion(struct kunit* test) {
  KUNIT_ASSERT_TRUE(test, nr_released == 99);
  note_release((void*)8L);
}
static void skips(struct kunit* test) {
  kunit_skip(test, "no %s here", "hardware");
  note_release((void*)9L);
}
static void gives_back_the_last_first(struct kunit* test) {
  KUNIT_ASSERT_EQ(test, kunit_add_action(test, note_release, (void*)1L), 0);
  KUNIT_ASSERT_EQ(test, kunit_add_action(test, note_release, (void*)2L), 0);
  KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, note_release, (void*)3L), 0);
  kunit_remove_action(test, note_release, (void*)2L);
  kunit_kfree(test, kunit_kmalloc(test, 100, GFP_KERNEL));
}
static void a_named_resource_is_one(struct kunit* test) {
  static struct kunit_resource one, two;
  struct kunit_resource* found;
  int data = 5;
  KUNIT_EXPECT_EQ(test, kunit_add_named_resource(test, NULL, NULL, &one, "name", &data), 0);
  KUNIT_EXPECT_EQ(test, kunit_add_named_resource(test, NULL, NULL, &two, "name", &data), -17);
  found = kunit_find_named_resource(test, "name");
  KUNIT_ASSERT_PTR_EQ(test, found, &one);
  KUNIT_EXPECT_PTR_EQ(test, found->data, (void*)&data);
  kunit_put_resource(found);
  KUNIT_EXPECT_EQ(test, kunit_destroy_named_resource(test, "name"), 0);
  KUNIT_EXPECT_NULL(test, kunit_find_named_resource(test, "name"));
}
static void devices_give_back_what_was_noted(struct kunit* test) {
  struct device* dev = kunit_device_register(test, "fake");
  KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
  KUNIT_EXPECT_STREQ(test, dev_name(dev), "fake");
  KUNIT_EXPECT_NOT_NULL(test, devm_kzalloc(dev, 32, GFP_KERNEL));
  KUNIT_EXPECT_EQ(test, devm_add_action(dev, note_release, (void*)4L), 0);
}

static const int numbers[] = {2, 4, 5};
static void describe(const int* number, char* text) { sprintf(text, "number %d", *number); }
KUNIT_ARRAY_PARAM(numbers, numbers, describe);
static void is_even(struct kunit* test) { KUNIT_EXPECT_EQ(test, *(const int*)test->param_value % 2, 0); }

static struct kunit_case good_cases[] = {KUNIT_CASE(passes),
                                         KUNIT_CASE(skips),
                                         KUNIT_CASE(gives_back_the_last_first),
                                         KUNIT_CASE(a_named_resource_is_one),
                                         KUNIT_CASE(devices_give_back_what_was_noted),
                                         {}};
static struct kunit_case bad_cases[] = {KUNIT_CASE(goes_on_behind_an_expectation),
                                        KUNIT_CASE_SLOW(ends_at_an_assertion),
                                        KUNIT_CASE_PARAM(is_even, numbers_gen_params),
                                        {}};
static struct kunit_suite good = {.name = "good", .init = shared_init, .exit = shared_exit, .test_cases = good_cases};
static struct kunit_suite bad = {.name = "bad", .test_cases = bad_cases};
kunit_test_suites(&good, &bad);
MODULE_LICENSE("GPL");
