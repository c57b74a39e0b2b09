// Buses, drivers and devices: who comes to whom, when it is tried again, and what stays afterwards.

#include "helpers.h"

#include <fcntl.h>

#include <linux/device.h>
#include <linux/errno.h>

namespace {

long write_all(const char* path, const char* text) {
  const int fd = kmem_driver_open(path, O_WRONLY);
  if (fd < 0) return fd;
  const long n = kmem_driver_write(fd, text, strlen(text));
  kmem_driver_close(fd);
  return n;
}

int match_first_letter(device* dev, device_driver* driver) { return dev_name(dev)[0] == driver->name[0]; }
bus_type toys = {};

std::string events;
int probe_result = 0;
int note_probe(device* dev) {
  events += std::string("+") + dev_name(dev);
  EXPECT_EQ(devm_add_action(
                dev, [](void* d) { events += std::string("~") + dev_name(static_cast<device*>(d)); }, dev),
            0);
  dev_set_drvdata(dev, dev);
  return probe_result;
}
int note_remove(device* dev) {
  events += std::string("-") + dev_name(dev);
  return 0;
}

device_driver driver_called(const char* name) {
  device_driver d = {};
  d.name = name;
  d.bus = &toys;
  d.probe = note_probe;
  d.remove = note_remove;
  return d;
}

struct Toy : device {
  explicit Toy(const char* name) : device{} {
    bus = &toys;
    release = [](device*) {};
    device_initialize(this);
    dev_set_name(this, "%s", name);
  }
  /// A deferred probe may be looking at it still.
  ~Toy() {
    if (!on_heap) wait_for_device_probe();
  }
  bool on_heap = false;
};

struct Bus : testing::Test {
  Bus() {
    toys = {};
    toys.name = "toys";
    toys.match = match_first_letter;
    EXPECT_EQ(bus_register(&toys), 0);
    events.clear();
    probe_result = 0;
    kmem_driver_log_clear();
  }
  ~Bus() override {
    wait_for_device_probe();
    bus_unregister(&toys);
    EXPECT_FALSE(test::logged("it stays"));
  }
};

TEST_F(Bus, binds_what_matches_whoever_comes_first) {
  Toy car("car"), cow("cow"), duck("duck");
  device_driver c = driver_called("c"), d = driver_called("d");
  ASSERT_EQ(device_add(&car), 0);
  ASSERT_EQ(driver_register(&c), 0);
  ASSERT_EQ(driver_register(&d), 0);
  ASSERT_EQ(device_add(&cow), 0);
  ASSERT_EQ(device_add(&duck), 0);
  EXPECT_EQ(events, "+car+cow+duck");
  EXPECT_EQ(duck.driver, &d);
  events.clear();
  device_del(&cow);
  EXPECT_EQ(events, "-cow~cow");
  driver_unregister(&c);
  EXPECT_EQ(events, "-cow~cow-car~car");
  EXPECT_EQ(car.driver, nullptr);
  EXPECT_EQ(dev_get_drvdata(&car), nullptr);
  driver_unregister(&d);
  device_del(&car);
  device_del(&duck);
  for (Toy* toy : {&car, &cow, &duck}) put_device(toy);
}

TEST_F(Bus, a_probe_that_fails_leaves_nothing_and_the_next_driver_is_asked) {
  Toy car("car");
  device_driver one = driver_called("c1"), two = driver_called("c2");
  one.probe = [](device* dev) {
    note_probe(dev);
    return -EIO;
  };
  ASSERT_EQ(driver_register(&one), 0);
  ASSERT_EQ(driver_register(&two), 0);
  ASSERT_EQ(device_add(&car), 0);
  EXPECT_EQ(events, "+car~car+car");
  EXPECT_EQ(car.driver, &two);
  EXPECT_TRUE(test::logged("c1: probe of car failed with error -5"));
  driver_unregister(&two);
  driver_unregister(&one);
  device_unregister(&car);
}

TEST_F(Bus, a_deferred_probe_is_tried_again_when_another_device_is_bound) {
  static Toy* supply;
  Toy car("car"), plug("plug");
  supply = &plug;
  device_driver c = driver_called("c"), p = driver_called("p");
  c.probe = [](device* dev) {
    note_probe(dev);
    return __atomic_load_n(&supply->driver, __ATOMIC_SEQ_CST) ? 0 : -EPROBE_DEFER;
  };
  ASSERT_EQ(driver_register(&c), 0);
  ASSERT_EQ(device_add(&car), 0);
  EXPECT_EQ(events, "+car~car");
  EXPECT_EQ(car.driver, nullptr);
  ASSERT_EQ(device_add(&plug), 0);
  wait_for_device_probe();
  EXPECT_EQ(car.driver, nullptr);
  ASSERT_EQ(driver_register(&p), 0);
  wait_for_device_probe();
  EXPECT_EQ(car.driver, &c);
  EXPECT_EQ(events, "+car~car+plug+car");
  driver_unregister(&c);
  driver_unregister(&p);
  device_unregister(&car);
  device_unregister(&plug);
}

TEST_F(Bus, drivers_are_bound_and_taken_away_by_hand) {
  Toy car("car");
  device_driver c = driver_called("c");
  ASSERT_EQ(driver_register(&c), 0);
  ASSERT_EQ(device_add(&car), 0);
  EXPECT_EQ(write_all("/sys/bus/toys/drivers/c/unbind", "car\n"), 4);
  EXPECT_EQ(car.driver, nullptr);
  EXPECT_EQ(write_all("/sys/bus/toys/drivers/c/unbind", "car\n"), -ENODEV);
  EXPECT_EQ(write_all("/sys/bus/toys/drivers/c/bind", "car\n"), 4);
  EXPECT_EQ(write_all("/sys/bus/toys/drivers/c/bind", "car\n"), -EBUSY);
  EXPECT_EQ(write_all("/sys/bus/toys/drivers/c/bind", "cart\n"), -ENODEV);
  EXPECT_EQ(events, "+car-car~car+car");
  driver_unregister(&c);
  EXPECT_EQ(write_all("/sys/bus/toys/drivers/c/bind", "car\n"), -ENOENT);
  device_unregister(&car);
}

TEST_F(Bus, refuses_the_same_name_twice_and_a_bus_that_is_not_there) {
  device_driver c = driver_called("c"), again = driver_called("c"), lost = driver_called("l");
  bus_type nowhere = {}, twin = {};
  nowhere.name = "nowhere";
  twin.name = "toys";
  lost.bus = &nowhere;
  EXPECT_EQ(bus_register(&twin), -EEXIST);
  ASSERT_EQ(driver_register(&c), 0);
  EXPECT_EQ(driver_register(&again), -EBUSY);
  EXPECT_EQ(driver_register(&lost), -EINVAL);
  EXPECT_TRUE(test::logged("Driver 'c' is already registered"));
  EXPECT_TRUE(test::logged("was unable to register with bus_type 'nowhere'"));
  EXPECT_EQ(driver_find("c", &toys), &c);
  driver_unregister(&c);
  EXPECT_EQ(driver_find("c", &toys), nullptr);
}

TEST_F(Bus, its_devices_are_visited_in_the_order_in_which_they_came) {
  Toy one("one"), two("two"), three("three");
  three.parent = &one;
  for (Toy* toy : {&one, &two, &three}) ASSERT_EQ(device_add(toy), 0);
  std::string seen;
  const auto note = [](device* dev, void* names) {
    *static_cast<std::string*>(names) += dev_name(dev);
    return 0;
  };
  EXPECT_EQ(bus_for_each_dev(&toys, nullptr, &seen, note), 0);
  EXPECT_EQ(bus_for_each_dev(&toys, &one, &seen, note), 0);
  EXPECT_EQ(device_for_each_child(&one, &seen, note), 0);
  EXPECT_EQ(seen, "onetwothreetwothreethree");
  device* found = bus_find_device_by_name(&toys, nullptr, "two");
  EXPECT_EQ(found, &two);
  put_device(found);
  EXPECT_EQ(bus_find_device_by_name(&toys, &two, "two"), nullptr);
  for (Toy* toy : {&three, &two, &one}) device_unregister(toy);
}

TEST_F(Bus, a_device_that_noted_something_before_its_probe_is_not_bound) {
  Toy car("car");
  device_driver c = driver_called("c");
  ASSERT_EQ(driver_register(&c), 0);
  ASSERT_TRUE(devm_kzalloc(&car, 10, GFP_KERNEL));
  ASSERT_EQ(device_add(&car), 0);
  EXPECT_EQ(events, "");
  EXPECT_TRUE(test::logged("Resources present before probing"));
  device_unregister(&car);
  driver_unregister(&c);
}

TEST_F(Bus, a_driver_that_goes_while_devices_come_is_left_by_all) {
  device_driver c = driver_called("c");
  static std::atomic<int> bound;
  bound = 0;
  c.probe = [](device*) { return ++bound, 0; };
  c.remove = [](device*) { return --bound, 0; };
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  test::Thread comes([&] {
    while (!stop) {
      auto* car = new Toy("car");  // the visit of a driver may hold it for longer
      car->on_heap = true;
      car->release = [](device* dev) { delete static_cast<Toy*>(dev); };
      EXPECT_EQ(device_add(car), 0);
      device_unregister(car);
      ++rounds;
    }
  });
  for (int i = 0; i < 200 || rounds < 20; ++i) {
    ASSERT_EQ(driver_register(&c), 0);
    driver_unregister(&c);
    EXPECT_EQ(bound, 0);
  }
  stop = true;
  comes.join();
}

TEST(RootDevice, holds_children_together) {
  device* root = root_device_register("board");
  ASSERT_FALSE(IS_ERR(root));
  root_device_unregister(root);
}

}  // namespace
