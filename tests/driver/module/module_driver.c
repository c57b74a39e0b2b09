/* A module with every kind of parameter, and calls of several levels that note their order. */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/string.h>

#include "module_driver.h"

int order[32], nr_calls, fail_late;
int an_int = 1, array[4], nr_array;
unsigned int a_uint;
unsigned char a_byte;
unsigned long long an_ullong;
bool a_bool, an_inverted = true;
char* a_charp = "as it was";
char a_string[8];

module_param(an_int, int, 0644);
MODULE_PARM_DESC(an_int, "a number");
module_param_named(renamed, a_uint, uint, 0444);
module_param(a_byte, byte, 0);
module_param(an_ullong, ullong, 0);
module_param(a_bool, bool, 0);
module_param_named(not_inverted, an_inverted, invbool, 0);
module_param(a_charp, charp, 0);
module_param_string(a_string, a_string, sizeof(a_string), 0);
module_param_array(array, int, &nr_array, 0644);
static int a_secret;
module_param(a_secret, int, 0200);
static const struct kernel_param_ops only_set = {.set = param_set_int}, only_get = {.get = param_get_int};
module_param_cb(without_get, &only_set, &a_secret, 0644);
module_param_cb(without_set, &only_get, &a_secret, 0644);

static int calls_set;
static int set_by_call(const char* value, const struct kernel_param* parameter) {
  (void)parameter;
  calls_set = value[0] == 'x' ? 42 : 0;
  return calls_set ? 0 : -EINVAL;
}
module_param_call(by_call, set_by_call, NULL, NULL, 0);
int set_by_the_call(void) { return calls_set; }

int early_number, late_number;
char late_text[16];
static int set_early(char* value) {
  early_number = value ? (int)simple_strtol(value, NULL, 0) : -1;
  return early_number == 99 ? -EINVAL : 0;
}
early_param("early", set_early);
static int set_late(char* value) {
  late_number = (int)simple_strtol(value, NULL, 0);
  return late_number != 99;
}
__setup("late=", set_late);
static int set_text(char* rest) {
  strscpy(late_text, rest, sizeof(late_text));
  return 1;
}
__setup("text", set_text);

static void note(int n) { order[nr_calls++] = n; }

static int late(void) {
  note(3);
  return fail_late ? -ENODEV : 0;
}
late_initcall(late);

static int __init begin(void) {
  note(2);
  return 0;
}
static void __exit end(void) { note(9); }
module_init(begin);
module_exit(end);

static int early(void) {
  note(1);
  return 0;
}
subsys_initcall(early);

int exported_number(void) { return 17; }
EXPORT_SYMBOL_GPL(exported_number);

struct module* this_module(void) {
  return THIS_MODULE;
}

MODULE_LICENSE("GPL");
MODULE_AUTHOR("One");
MODULE_AUTHOR("Another");
MODULE_VERSION("1.2");
