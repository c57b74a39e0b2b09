// Clocks: what a device has of them, how often they run, and how rates go from parents to children.

#include "helpers.h"

#include <vector>

#include <kmem/device.h>
#include <linux/clk-provider.h>
#include <linux/clk.h>
#include <linux/clkdev.h>
#include <linux/device.h>
#include <linux/slab.h>

namespace {

std::string calls;

/// A clock whose rate is its parent's through a divisor, and which tells what is done to it.
struct Divider {
  clk_hw hw = {};
  unsigned long divisor = 1;
  u8 index = 0;
  int error = 0;
  static Divider* of(clk_hw* hw) { return container_of(hw, Divider, hw); }
  void say(const char* what) { calls += std::string(what) + "(" + clk_hw_get_name(&hw) + ") "; }
};
constexpr clk_ops make_ops() {
  clk_ops ops = {};
  ops.prepare = [](clk_hw* hw) { return Divider::of(hw)->say("prepare"), 0; };
  ops.unprepare = [](clk_hw* hw) { Divider::of(hw)->say("unprepare"); };
  ops.enable = [](clk_hw* hw) { return Divider::of(hw)->say("enable"), Divider::of(hw)->error; };
  ops.disable = [](clk_hw* hw) { Divider::of(hw)->say("disable"); };
  ops.recalc_rate = [](clk_hw* hw, unsigned long parent) { return parent / Divider::of(hw)->divisor; };
  ops.round_rate = [](clk_hw*, unsigned long rate, unsigned long* parent) {
    return static_cast<long>(rate && rate < *parent ? *parent / (*parent / rate) : *parent);
  };
  ops.set_rate = [](clk_hw* hw, unsigned long rate, unsigned long parent) {
    return Divider::of(hw)->divisor = parent / rate, 0;
  };
  ops.get_parent = [](clk_hw* hw) { return Divider::of(hw)->index; };
  ops.set_parent = [](clk_hw* hw, u8 index) { return Divider::of(hw)->index = index, 0; };
  return ops;
}
const clk_ops divider_ops = make_ops();

struct Clock : testing::Test {
  Clock() {
    kmem_driver_log_clear();
    calls.clear();
    dev.init_name = "uart0";
    crystal = clk_hw_register_fixed_rate(nullptr, "crystal", nullptr, 0, 48000000);
    EXPECT_FALSE(IS_ERR(crystal));
    make(&baud, "baud", {"crystal"}, 0);
    lookup = clkdev_hw_create(&baud.hw, "baud", "uart0");
  }
  ~Clock() override {
    devres_release_all(&dev);
    clkdev_drop(lookup);
    clk_hw_unregister(&baud.hw);
    clk_hw_unregister_fixed_rate(crystal);
  }
  void make(Divider* d, const char* name, std::vector<const char*> parents, unsigned long flags) {
    const clk_init_data init = {name, &divider_ops, parents.data(), nullptr, static_cast<u8>(parents.size()), flags};
    d->hw.init = &init;
    EXPECT_EQ(clk_hw_register(nullptr, &d->hw), 0);
  }
  device dev = {};
  clk_hw* crystal;
  Divider baud;
  clk_lookup* lookup;
};

TEST_F(Clock, a_device_finds_its_clock_by_name_and_others_do_not) {
  clk* c = clk_get(&dev, "baud");
  ASSERT_FALSE(IS_ERR(c));
  EXPECT_STREQ(__clk_get_name(c), "baud");
  EXPECT_EQ(__clk_get_hw(c), &baud.hw);
  EXPECT_EQ(PTR_ERR(clk_get(&dev, "other")), -ENOENT);
  EXPECT_EQ(PTR_ERR(clk_get(&dev, nullptr)), -ENOENT);
  EXPECT_EQ(clk_get_optional(&dev, "other"), nullptr);
  device other = {};
  other.init_name = "uart1";
  EXPECT_EQ(PTR_ERR(clk_get(&other, "baud")), -ENOENT);
  clk_lookup any = {};
  any.con_id = "baud";
  any.clk_hw = crystal;
  clkdev_add(&any);
  clk* others = clk_get(&other, "baud");
  EXPECT_STREQ(__clk_get_name(others), "crystal");
  clk* again = clk_get_sys("uart0", "baud");
  EXPECT_TRUE(clk_is_match(again, c)) << "the device counts more than the name";
  EXPECT_FALSE(clk_is_match(others, c));
  list_del(&any.node);
  for (clk* each : {c, others, again}) clk_put(each);
}

TEST_F(Clock, it_runs_from_the_first_enable_to_the_last_disable_and_its_parent_too) {
  Divider child;
  make(&child, "child", {"baud"}, 0);
  clk* a = child.hw.clk;
  EXPECT_EQ(clk_prepare_enable(a), 0);
  EXPECT_EQ(clk_prepare_enable(a), 0);
  EXPECT_EQ(calls, "prepare(baud) prepare(child) enable(baud) enable(child) ");
  EXPECT_TRUE(__clk_is_enabled(baud.hw.clk));
  calls.clear();
  clk_disable_unprepare(a);
  EXPECT_EQ(calls, "");
  clk_disable_unprepare(a);
  EXPECT_EQ(calls, "disable(child) disable(baud) unprepare(child) unprepare(baud) ");
  EXPECT_FALSE(clk_hw_is_prepared(&baud.hw));
  clk_hw_unregister(&child.hw);
}

TEST_F(Clock, what_fails_leaves_nothing_running) {
  Divider child;
  make(&child, "child", {"baud"}, 0);
  child.error = -EIO;
  EXPECT_EQ(clk_prepare_enable(child.hw.clk), -EIO);
  EXPECT_EQ(calls, "prepare(baud) prepare(child) enable(baud) enable(child) disable(baud) unprepare(child) unprepare(baud) ");
  clk_hw_unregister(&child.hw);
}

TEST_F(Clock, mistakes_of_its_user_are_reported_and_not_done) {
  clk* c = baud.hw.clk;
  const auto expect = [](const char* words, auto mistake) { EXPECT_TRUE(test::has(test::said_by(mistake), words)) << words; };
  expect("Enabling unprepared baud", [&] { EXPECT_EQ(clk_enable(c), -ESHUTDOWN); });
  expect("baud already disabled", [&] { clk_disable(c); });
  expect("baud already unprepared", [&] { clk_unprepare(c); });
  EXPECT_EQ(clk_prepare_enable(c), 0);
  expect("Unpreparing enabled baud", [&] { clk_unprepare(c); });
  clk_disable(c);
  EXPECT_EQ(calls, "prepare(baud) enable(baud) unprepare(baud) disable(baud) ");
  EXPECT_EQ(clk_prepare_enable(nullptr), 0);
  clk_disable_unprepare(nullptr);
  EXPECT_EQ(clk_get_rate(nullptr), 0u);
}

TEST_F(Clock, a_rate_is_rounded_set_and_goes_down_the_tree) {
  Divider child;
  make(&child, "child", {"baud"}, 0);
  child.divisor = 2;
  clk* c = baud.hw.clk;
  EXPECT_EQ(clk_get_rate(c), 48000000u);
  EXPECT_EQ(clk_round_rate(c, 15000000), 16000000);
  EXPECT_EQ(clk_get_rate(c), 48000000u) << "only asked";
  EXPECT_EQ(clk_set_rate(c, 15000000), 0);
  EXPECT_EQ(clk_get_rate(c), 16000000u);
  EXPECT_EQ(clk_get_rate(child.hw.clk), 8000000u);
  EXPECT_EQ(clk_round_rate(crystal->clk, 1), 48000000) << "it has only one";
  EXPECT_EQ(clk_set_rate(crystal->clk, 1), 0);
  clk_hw_unregister(&child.hw);
}

TEST_F(Clock, a_change_may_go_to_the_parent_or_wait_until_nobody_has_it_prepared) {
  Divider gated;
  make(&gated, "gated", {"crystal"}, CLK_SET_RATE_GATE);
  EXPECT_EQ(clk_prepare(gated.hw.clk), 0);
  EXPECT_EQ(clk_set_rate(gated.hw.clk, 24000000), -EBUSY);
  clk_unprepare(gated.hw.clk);
  EXPECT_EQ(clk_set_rate(gated.hw.clk, 24000000), 0);
  clk_hw* half = clk_hw_register_fixed_factor(nullptr, "half", "gated", CLK_SET_RATE_PARENT, 1, 2);
  EXPECT_EQ(clk_hw_get_rate(half), 12000000u);
  EXPECT_EQ(clk_set_rate(half->clk, 8000000), 0);
  EXPECT_EQ(clk_get_rate(gated.hw.clk), 16000000u);
  EXPECT_EQ(clk_get_rate(half->clk), 8000000u);
  clk_hw_unregister_fixed_factor(half);
  clk_hw_unregister(&gated.hw);
}

struct Listener {
  notifier_block block = {};
  std::string heard;
  int answer = NOTIFY_OK;
  Listener() {
    block.notifier_call = [](notifier_block* nb, unsigned long what, void* data) {
      auto* l = container_of(nb, Listener, block);
      const auto* d = static_cast<clk_notifier_data*>(data);
      l->heard += std::to_string(what) + ":" + std::to_string(d->old_rate / 1000000) + "-" +
                  std::to_string(d->new_rate / 1000000) + " ";
      return what == PRE_RATE_CHANGE ? l->answer : NOTIFY_OK;
    };
  }
};

TEST_F(Clock, who_listens_hears_before_and_after_and_may_say_no) {
  Divider child;
  child.divisor = 2;
  make(&child, "child", {"baud"}, 0);
  Listener listener;
  EXPECT_EQ(clk_notifier_register(child.hw.clk, &listener.block), 0);
  EXPECT_EQ(clk_set_rate(baud.hw.clk, 24000000), 0);
  EXPECT_EQ(listener.heard, "1:24-12 2:24-12 ");
  listener.heard.clear();
  listener.answer = NOTIFY_BAD;
  EXPECT_EQ(clk_set_rate(baud.hw.clk, 12000000), -EBUSY);
  EXPECT_EQ(listener.heard, "1:12-6 4:12-6 ");
  EXPECT_EQ(clk_get_rate(baud.hw.clk), 24000000u);
  EXPECT_EQ(clk_notifier_unregister(child.hw.clk, &listener.block), 0);
  EXPECT_EQ(clk_set_rate(baud.hw.clk, 12000000), 0);
  clk_hw_unregister(&child.hw);
}

TEST_F(Clock, a_new_parent_runs_before_the_old_one_is_let_go) {
  clk_hw* slow = clk_hw_register_fixed_rate(nullptr, "slow", nullptr, 0, 32768);
  Divider fast, mux;
  make(&fast, "fast", {"crystal"}, 0);
  make(&mux, "mux", {"fast", "baud"}, 0);
  EXPECT_EQ(clk_hw_get_parent(&mux.hw), &fast.hw);
  EXPECT_EQ(clk_hw_get_parent_by_index(&mux.hw, 1), &baud.hw);
  EXPECT_EQ(clk_hw_get_num_parents(&mux.hw), 2u);
  baud.divisor = 4;
  EXPECT_EQ(clk_set_rate(baud.hw.clk, 12000000), 0);
  EXPECT_EQ(clk_prepare_enable(mux.hw.clk), 0);
  calls.clear();
  EXPECT_EQ(clk_set_parent(mux.hw.clk, baud.hw.clk), 0);
  EXPECT_EQ(calls, "prepare(baud) enable(baud) disable(fast) unprepare(fast) ");
  EXPECT_TRUE(clk_is_match(clk_get_parent(mux.hw.clk), baud.hw.clk));
  EXPECT_EQ(clk_get_rate(mux.hw.clk), 12000000u);
  EXPECT_TRUE(clk_has_parent(mux.hw.clk, fast.hw.clk));
  EXPECT_FALSE(clk_has_parent(mux.hw.clk, slow->clk));
  EXPECT_EQ(clk_set_parent(mux.hw.clk, slow->clk), -EINVAL);
  clk_disable_unprepare(mux.hw.clk);
  clk_hw_unregister(&mux.hw);
  clk_hw_unregister(&fast.hw);
  clk_hw_unregister_fixed_rate(slow);
}

TEST_F(Clock, a_parent_may_come_later_and_go_earlier) {
  Divider child;
  make(&child, "child", {"later"}, 0);
  EXPECT_EQ(clk_get_rate(child.hw.clk), 0u);
  EXPECT_EQ(clk_hw_get_parent(&child.hw), nullptr);
  clk_hw* later = clk_hw_register_fixed_rate(nullptr, "later", nullptr, 0, 1000);
  EXPECT_EQ(clk_get_rate(child.hw.clk), 1000u);
  EXPECT_EQ(clk_hw_get_parent(&child.hw), later);
  clk_hw_unregister_fixed_rate(later);
  EXPECT_EQ(clk_get_rate(child.hw.clk), 0u);
  clk_hw_unregister(&child.hw);
}

TEST_F(Clock, who_still_has_a_clock_whose_driver_is_gone_gets_errors) {
  Divider gone;
  make(&gone, "gone", {"crystal"}, 0);
  EXPECT_EQ(PTR_ERR(clk_hw_register_fixed_rate(nullptr, "gone", nullptr, 0, 1)), -EEXIST);
  clk_lookup l = {};
  l.con_id = "gone";
  l.clk_hw = &gone.hw;
  clkdev_add(&l);
  clk* c = clk_get(&dev, "gone");
  list_del(&l.node);
  EXPECT_EQ(clk_prepare(c), 0);
  clk_hw_unregister(&gone.hw);
  EXPECT_TRUE(test::logged("unregistering prepared clock: gone"));
  EXPECT_EQ(clk_prepare(c), -ENXIO);
  EXPECT_EQ(clk_set_rate(c, 5), -ENXIO);
  EXPECT_EQ(clk_get_rate(c), 0u);
  clk_put(c);
  const clk_init_data nameless = {nullptr, &divider_ops, nullptr, nullptr, 0, 0};
  gone.hw.init = &nameless;
  EXPECT_EQ(clk_hw_register(nullptr, &gone.hw), -EINVAL);
}

TEST_F(Clock, what_a_device_has_goes_with_it) {
  EXPECT_FALSE(IS_ERR(devm_clk_get_enabled(&dev, "baud")));
  EXPECT_FALSE(IS_ERR(devm_clk_get_prepared(&dev, "baud")));
  EXPECT_EQ(devm_clk_get_optional_enabled(&dev, "none"), nullptr);
  EXPECT_EQ(devm_clk_get_optional_prepared(&dev, "none"), nullptr);
  EXPECT_EQ(devm_clk_get_optional(&dev, "none"), nullptr);
  clk* c = devm_clk_get(&dev, "baud");
  devm_clk_put(&dev, c);
  EXPECT_TRUE(clk_hw_is_enabled(&baud.hw));
  devres_release_all(&dev);
  EXPECT_FALSE(clk_hw_is_enabled(&baud.hw));
  EXPECT_FALSE(clk_hw_is_prepared(&baud.hw));
}

TEST_F(Clock, several_at_once_are_all_or_none) {
  EXPECT_EQ(clk_hw_register_clkdev(crystal, "bus", "uart0"), 0);
  clk_bulk_data both[] = {{"baud", nullptr}, {"bus", nullptr}}, bad[] = {{"bus", nullptr}, {"none", nullptr}};
  ASSERT_EQ(devm_clk_bulk_get(&dev, 2, both), 0);
  EXPECT_EQ(clk_bulk_prepare_enable(2, both), 0);
  EXPECT_TRUE(clk_hw_is_enabled(crystal) && clk_hw_is_enabled(&baud.hw));
  clk_bulk_disable_unprepare(2, both);
  EXPECT_FALSE(clk_hw_is_prepared(crystal) || clk_hw_is_prepared(&baud.hw));
  EXPECT_EQ(clk_bulk_get(&dev, 2, bad), -ENOENT);
  EXPECT_EQ(bad[0].clk, nullptr);
  EXPECT_TRUE(test::logged("Failed to get clk 'none': -2"));
  EXPECT_EQ(clk_bulk_get_optional(&dev, 2, bad), 0);
  EXPECT_EQ(bad[1].clk, nullptr);
  clk_bulk_put(2, bad);
  baud.error = -EIO;
  EXPECT_EQ(clk_bulk_prepare_enable(2, both), -EIO);
  EXPECT_FALSE(clk_hw_is_prepared(crystal));
  devres_release_all(&dev);
  EXPECT_EQ(both[0].clk, nullptr);
}

TEST(Gate, a_bit_of_a_register_lets_a_clock_through) {
  kmem_set_sysfs(nullptr);
  static u32 word = 0;
  const kmem_device_ops ops = {[](void*, size_t, unsigned) -> unsigned long long { return word; },
                               [](void*, size_t, unsigned, unsigned long long v) { word = static_cast<u32>(v); }};
  ASSERT_EQ(kmem_register_simulated_device("gates", 0xfd000000, 64, &ops, nullptr), 0);
  void* reg = ioremap(0xfd000000, 64);
  DEFINE_SPINLOCK(lock);
  clk_hw* plain = clk_hw_register_gate(nullptr, "plain", nullptr, 0, reg, 3, 0, &lock);
  clk_hw* inverse = clk_hw_register_gate(nullptr, "inverse", nullptr, 0, reg, 4, CLK_GATE_SET_TO_DISABLE, nullptr);
  EXPECT_FALSE(clk_hw_is_enabled(plain));
  EXPECT_TRUE(clk_hw_is_enabled(inverse)) << "as the device says, not as it was counted";
  EXPECT_EQ(clk_prepare_enable(plain->clk), 0);
  EXPECT_EQ(word, 8u);
  EXPECT_EQ(clk_prepare_enable(inverse->clk), 0);
  clk_disable_unprepare(inverse->clk);
  EXPECT_EQ(word, 0x18u);
  clk_disable_unprepare(plain->clk);
  EXPECT_EQ(word, 0x10u);
  clk_hw_unregister_gate(plain);
  clk_hw_unregister_gate(inverse);
  iounmap(reg);
  EXPECT_EQ(kmem_unregister_device(0xfd000000), 0);
}

TEST(Critical, a_critical_clock_runs_and_stays) {
  Divider critical;
  const clk_init_data init = {"critical", &divider_ops, nullptr, nullptr, 0, CLK_IS_CRITICAL};
  critical.hw.init = &init;
  ASSERT_EQ(clk_hw_register(nullptr, &critical.hw), 0);
  EXPECT_TRUE(clk_hw_is_enabled(&critical.hw));
  EXPECT_TRUE(test::has(test::said_by([&] { clk_disable(critical.hw.clk); }), "Disabling critical critical"));
  EXPECT_TRUE(clk_hw_is_enabled(&critical.hw));
  clk_hw_unregister(&critical.hw);
}

}  // namespace
