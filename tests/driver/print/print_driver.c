/* Messages of a driver, with a pr_fmt() of its own. */
#define KBUILD_MODNAME "talker"
#define pr_fmt(fmt) "talker: " fmt
#include <linux/module.h>

void talk(int what) {
  switch (what) {
    case 0: pr_info("n = %d\n", 7); break;
    case 1: pr_debug("a debug message %d\n", 8); break;
    case 2:
      pr_err("begins");
      pr_cont(", goes on\n");
      break;
    case 3:
      for (int i = 0; i < 3; ++i) pr_warn_once("only once\n");
      break;
    case 4:
      for (int i = 0; i < 25; ++i) pr_notice_ratelimited("limited %d\n", i);
      break;
    case 5: printk("no level\n"); break;
    default: break;
  }
}
