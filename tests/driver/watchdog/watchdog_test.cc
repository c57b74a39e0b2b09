// Watchdogs: who starts, feeds and stops them.

#include "helpers.h"

#include <errno.h>
#include <fcntl.h>

#include <linux/delay.h>
#include <linux/device.h>
#include <linux/watchdog.h>

namespace {

constexpr unsigned kOptions = WDIOF_KEEPALIVEPING | WDIOF_SETTIMEOUT | WDIOF_MAGICCLOSE | WDIOF_PRETIMEOUT;

/// A device that notes what is done to it.
struct Watchdog : test::VirtualTime {
  Watchdog() {
    info.options = kOptions;
    strcpy(reinterpret_cast<char*>(info.identity), "Test dog");
    ops.start = [](watchdog_device* w) { return me(w)->starts++, 0; };
    ops.stop = [](watchdog_device* w) { return me(w)->stops++, 0; };
    ops.ping = [](watchdog_device* w) { return me(w)->feeds++, 0; };
    wdd.info = &info;
    wdd.ops = &ops;
    wdd.timeout = 60;
    wdd.min_timeout = 1;
    wdd.max_timeout = 600;
    watchdog_set_drvdata(&wdd, this);
  }
  ~Watchdog() override { watchdog_unregister_device(&wdd); }
  static Watchdog* me(watchdog_device* w) { return static_cast<Watchdog*>(watchdog_get_drvdata(w)); }
  int open() { return kmem_driver_open("/dev/watchdog0", O_WRONLY); }
  template <typename T>
  long ioctl(int fd, unsigned command, T* argument) {
    return kmem_driver_ioctl(fd, command, reinterpret_cast<unsigned long>(argument));
  }
  watchdog_info info = {};
  watchdog_ops ops = {};
  watchdog_device wdd = {};
  int starts = 0, stops = 0, feeds = 0;
};

TEST_F(Watchdog, a_program_starts_it_by_opening_feeds_it_by_writing_and_stops_it_by_a_v) {
  ASSERT_EQ(watchdog_register_device(&wdd), 0);
  EXPECT_EQ(starts, 0);
  int fd = kmem_driver_open("/dev/watchdog", O_WRONLY);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(starts, 1);
  EXPECT_TRUE(watchdog_active(&wdd));
  EXPECT_EQ(open(), -EBUSY) << "one program at a time";
  EXPECT_EQ(kmem_driver_write(fd, "x", 1), 1);
  EXPECT_EQ(feeds, 1);
  EXPECT_EQ(kmem_driver_write(fd, "V", 1), 1);
  kmem_driver_close(fd);
  EXPECT_EQ(stops, 1);
  EXPECT_FALSE(watchdog_active(&wdd) || watchdog_hw_running(&wdd));
}

TEST_F(Watchdog, a_program_that_dies_does_not_stop_it) {
  ASSERT_EQ(watchdog_register_device(&wdd), 0);
  int fd = open();
  EXPECT_EQ(kmem_driver_write(fd, "V", 1), 1);
  EXPECT_EQ(kmem_driver_write(fd, "x", 1), 1) << "the V is forgotten";
  kmem_driver_close(fd);
  EXPECT_EQ(stops, 0);
  EXPECT_TRUE(test::logged("watchdog0: watchdog did not stop!"));
  EXPECT_TRUE(watchdog_active(&wdd));
  fd = open();
  EXPECT_EQ(starts, 1) << "it runs already";
  kmem_driver_write(fd, "V", 1);
  kmem_driver_close(fd);
  EXPECT_EQ(stops, 1);
  info.options &= ~unsigned(WDIOF_MAGICCLOSE);
  fd = open();
  kmem_driver_close(fd);
  EXPECT_EQ(stops, 2) << "without that option closing stops";
}

TEST_F(Watchdog, one_with_no_way_out_runs_on) {
  watchdog_set_nowayout(&wdd, true);
  ASSERT_EQ(watchdog_register_device(&wdd), 0);
  EXPECT_EQ(test::read_file("/sys/class/watchdog/watchdog0/nowayout"), "1\n");
  const int fd = open();
  int off = WDIOS_DISABLECARD;
  EXPECT_EQ(ioctl(fd, WDIOC_SETOPTIONS, &off), -EBUSY);
  kmem_driver_write(fd, "V", 1);
  kmem_driver_close(fd);
  EXPECT_EQ(stops, 0);
  EXPECT_TRUE(test::logged("nowayout prevents watchdog being stopped!"));
}

TEST_F(Watchdog, programs_ask_and_set_by_ioctl) {
  ops.get_timeleft = [](watchdog_device*) { return 7u; };
  wdd.bootstatus = WDIOF_CARDRESET;
  ASSERT_EQ(watchdog_register_device(&wdd), 0);
  const int fd = open();
  watchdog_info got = {};
  int value = 0;
  EXPECT_EQ(ioctl(fd, WDIOC_GETSUPPORT, &got), 0);
  EXPECT_STREQ(reinterpret_cast<char*>(got.identity), "Test dog");
  EXPECT_EQ(ioctl(fd, WDIOC_GETBOOTSTATUS, &value), 0);
  EXPECT_EQ(value, WDIOF_CARDRESET);
  EXPECT_EQ(ioctl(fd, WDIOC_GETSTATUS, &value), 0);
  EXPECT_EQ(value, 0) << "it does not say that it knows of resets";
  EXPECT_EQ(ioctl(fd, WDIOC_GETTIMELEFT, &value), 0);
  EXPECT_EQ(value, 7);
  value = 120;
  EXPECT_EQ(ioctl(fd, WDIOC_SETTIMEOUT, &value), 0);
  EXPECT_EQ(wdd.timeout, 120u);
  EXPECT_EQ(feeds, 1) << "the new time begins now";
  for (int bad : {0, 601, -1}) EXPECT_EQ(ioctl(fd, WDIOC_SETTIMEOUT, &bad), -EINVAL) << bad;
  EXPECT_EQ(ioctl(fd, WDIOC_GETTIMEOUT, &value), 0);
  EXPECT_EQ(value, 120);
  value = 119;
  EXPECT_EQ(ioctl(fd, WDIOC_SETPRETIMEOUT, &value), 0);
  value = 120;
  EXPECT_EQ(ioctl(fd, WDIOC_SETPRETIMEOUT, &value), -EINVAL) << "not before the end";
  value = 100;
  EXPECT_EQ(ioctl(fd, WDIOC_SETTIMEOUT, &value), 0);
  EXPECT_EQ(ioctl(fd, WDIOC_GETPRETIMEOUT, &value), 0);
  EXPECT_EQ(value, 0) << "it would come too late";
  EXPECT_EQ(ioctl<int>(fd, WDIOC_KEEPALIVE, nullptr), 0);
  EXPECT_EQ(feeds, 3);
  EXPECT_EQ(ioctl<int>(fd, 0x1234, nullptr), -ENOTTY);
  EXPECT_EQ(ioctl(fd, WDIOC_SETTIMEOUT, reinterpret_cast<int*>(8)), -EFAULT);
  info.options = 0;
  EXPECT_EQ(ioctl(fd, WDIOC_SETTIMEOUT, &value), -EOPNOTSUPP);
  EXPECT_EQ(ioctl<int>(fd, WDIOC_KEEPALIVE, nullptr), -EOPNOTSUPP);
  ops.ioctl = [](watchdog_device*, unsigned command, unsigned long) -> long { return command == 0x1234 ? 5 : -ENOIOCTLCMD; };
  EXPECT_EQ(ioctl<int>(fd, 0x1234, nullptr), 5) << "the driver's own";
  kmem_driver_close(fd);
}

TEST_F(Watchdog, one_that_cannot_wait_so_long_is_fed_while_its_program_is_in_time) {
  wdd.max_hw_heartbeat_ms = 4000;
  ASSERT_EQ(watchdog_register_device(&wdd), 0);
  const int fd = open();
  msleep(59000);
  EXPECT_NEAR(feeds, 29, 2) << "each two seconds";
  EXPECT_EQ(kmem_driver_write(fd, "x", 1), 1);
  const int before = feeds;
  msleep(200000);
  EXPECT_NEAR(feeds - before, 30, 2) << "for a minute, and then no longer";
  kmem_driver_write(fd, "V", 1);
  kmem_driver_close(fd);
  const int stopped = feeds;
  msleep(100000);
  EXPECT_EQ(feeds, stopped);
}

TEST_F(Watchdog, one_that_runs_at_boot_is_fed_until_a_program_comes) {
  set_bit(WDOG_HW_RUNNING, &wdd.status);
  ASSERT_EQ(watchdog_register_device(&wdd), 0);
  msleep(600000);
  EXPECT_NEAR(feeds, 20, 2);
  const int before = feeds, fd = open();
  EXPECT_EQ(starts, 0) << "fed instead";
  EXPECT_EQ(feeds, before + 1);
  msleep(600000);
  EXPECT_EQ(feeds, before + 1) << "the program's work now";
  kmem_driver_close(fd);
}

TEST_F(Watchdog, a_program_outlives_the_driver) {
  watchdog_stop_on_unregister(&wdd);
  ASSERT_EQ(watchdog_register_device(&wdd), 0);
  EXPECT_EQ(test::read_file("/sys/class/watchdog/watchdog0/identity"), "Test dog\n");
  EXPECT_EQ(test::read_file("/sys/class/watchdog/watchdog0/state"), "inactive\n");
  const int fd = open();
  EXPECT_EQ(test::read_file("/sys/class/watchdog/watchdog0/state"), "active\n");
  watchdog_unregister_device(&wdd);
  EXPECT_EQ(stops, 1);
  EXPECT_EQ(kmem_driver_write(fd, "x", 1), -ENODEV);
  EXPECT_EQ(ioctl<int>(fd, WDIOC_KEEPALIVE, nullptr), -ENODEV);
  kmem_driver_close(fd);
  EXPECT_EQ(open(), -ENOENT);
  EXPECT_EQ(kmem_driver_open("/dev/watchdog", O_WRONLY), -ENOENT);
}

TEST_F(Watchdog, what_cannot_be_a_watchdog_is_refused_and_times_are_checked) {
  ops.stop = nullptr;
  EXPECT_EQ(watchdog_register_device(&wdd), -EINVAL);
  wdd.max_hw_heartbeat_ms = 1000;
  EXPECT_EQ(watchdog_register_device(&wdd), 0) << "the core can stop feeding";
  watchdog_unregister_device(&wdd);
  ops.start = nullptr;
  EXPECT_EQ(watchdog_register_device(&wdd), -EINVAL);
  wdd.max_hw_heartbeat_ms = 0;
  EXPECT_EQ(watchdog_init_timeout(&wdd, 30, nullptr), 0);
  EXPECT_EQ(wdd.timeout, 30u);
  EXPECT_EQ(watchdog_init_timeout(&wdd, 601, nullptr), -EINVAL);
  EXPECT_EQ(watchdog_init_timeout(&wdd, 0, nullptr), 0);
  EXPECT_EQ(wdd.timeout, 30u);
  watchdog_notify_pretimeout(&wdd);
  EXPECT_TRUE(test::logged("pretimeout event"));
}

TEST_F(Watchdog, it_goes_with_its_device) {
  device dev = {};
  dev.init_name = "board";
  ASSERT_EQ(devm_watchdog_register_device(&dev, &wdd), 0);
  EXPECT_EQ(test::read_file("/sys/class/watchdog/watchdog0/timeout"), "60\n");
  EXPECT_EQ(test::read_file("/sys/class/watchdog/watchdog0/bootstatus"), "0\n");
  devres_release_all(&dev);
  EXPECT_EQ(open(), -ENOENT);
}

}  // namespace
