// Interrupt lines: who is called, in which context, how often, and what is reported.

#include "helpers.h"

#include <kmem/simulated.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/slab.h>

namespace {

using test::has;
using test::logged;
using test::said_by;

/// A device with one line, which it lowers when the driver acknowledges.
struct Card {
  explicit Card(kmem_irq_kind kind) : irq(static_cast<unsigned>(kmem_irq_alloc("card", kind))) {}
  ~Card() { kmem_irq_free(static_cast<int>(irq)); }
  void raise() { kmem_irq_raise(static_cast<int>(irq)); }
  void acknowledge() { kmem_irq_lower(static_cast<int>(irq)); }
  unsigned long count() const { return kmem_irq_count(static_cast<int>(irq)); }
  unsigned irq;
  std::atomic<int> handled{0}, threaded{0};
};

irqreturn_t acknowledge(int, void* data) {
  auto* card = static_cast<Card*>(data);
  card->acknowledge();
  ++card->handled;
  return IRQ_HANDLED;
}
irqreturn_t not_mine(int, void*) { return IRQ_NONE; }

struct Interrupts : testing::Test {
  Interrupts() { kmem_driver_log_clear(); }
};

TEST_F(Interrupts, a_raised_line_is_handled_in_an_interrupt_until_it_is_lowered) {
  Card card(KMEM_IRQ_LEVEL);
  static std::atomic<bool> as_it_should;
  as_it_should = false;
  const irq_handler_t handler = [](int irq, void* data) {
    auto* c = static_cast<Card*>(data);
    as_it_should = in_hardirq() && in_interrupt() && irqs_disabled() && static_cast<unsigned>(irq) == c->irq;
    if (++c->handled == 3) c->acknowledge();
    return IRQ_HANDLED;
  };
  ASSERT_EQ(request_irq(card.irq, handler, 0, "card", &card), 0);
  card.raise();
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 3);
  EXPECT_TRUE(as_it_should);
  EXPECT_EQ(card.count(), 3u);
  EXPECT_STREQ(static_cast<const char*>(free_irq(card.irq, &card)), "card");
  card.raise();
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 3);
}

TEST_F(Interrupts, an_edge_is_handled_once_and_those_that_come_while_it_is_disabled_are_one) {
  Card card(KMEM_IRQ_EDGE);
  ASSERT_EQ(request_irq(card.irq, acknowledge, 0, "card", &card), 0);
  card.raise();
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 1);
  disable_irq(card.irq);
  disable_irq(card.irq);
  for (int i = 0; i < 3; ++i) card.raise();
  enable_irq(card.irq);
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 1);
  enable_irq(card.irq);
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 2);
  EXPECT_TRUE(has(said_by([&] { enable_irq(card.irq); }), "Unbalanced enable for IRQ"));
  free_irq(card.irq, &card);
}

TEST_F(Interrupts, sleeping_in_a_handler_is_reported) {
  Card card(KMEM_IRQ_EDGE);
  const irq_handler_t handler = [](int, void*) {
    kfree(kmalloc(100, GFP_KERNEL));
    return IRQ_HANDLED;
  };
  ASSERT_EQ(request_irq(card.irq, handler, 0, "card", &card), 0);
  const std::string said = said_by([&] {
    card.raise();
    kmem_irq_settle();
  });
  EXPECT_TRUE(has(said, "sleeping function called from invalid context")) << said;
  free_irq(card.irq, &card);
}

TEST_F(Interrupts, a_threaded_handler_may_sleep_and_its_line_stays_masked_meanwhile) {
  Card card(KMEM_IRQ_LEVEL);
  const irq_handler_t thread = [](int, void* data) {
    auto* c = static_cast<Card*>(data);
    EXPECT_FALSE(in_interrupt());
    msleep(2);
    c->acknowledge();
    ++c->threaded;
    return IRQ_HANDLED;
  };
  ASSERT_EQ(request_threaded_irq(card.irq, nullptr, thread, IRQF_ONESHOT, "card", &card), 0);
  for (int i = 1; i <= 3; ++i) {
    card.raise();
    kmem_irq_settle();
    EXPECT_EQ(card.threaded, i);
    EXPECT_EQ(card.count(), static_cast<unsigned long>(i));
  }
  free_irq(card.irq, &card);
}

TEST_F(Interrupts, a_handler_wakes_its_thread_and_free_irq_waits_for_it) {
  Card card(KMEM_IRQ_MESSAGE);
  static std::atomic<bool> go;
  go = false;
  const irq_handler_t wake = [](int, void* data) {
    ++static_cast<Card*>(data)->handled;
    return IRQ_WAKE_THREAD;
  };
  const irq_handler_t thread = [](int, void* data) {
    while (!go) msleep(1);
    ++static_cast<Card*>(data)->threaded;
    return IRQ_HANDLED;
  };
  ASSERT_EQ(request_threaded_irq(card.irq, wake, thread, 0, "card", &card), 0);
  card.raise();
  test::until([&] { return card.handled == 1; });
  test::Thread frees([&] { free_irq(card.irq, &card); });
  EXPECT_EQ(card.threaded, 0);
  go = true;
  frees.join();
  EXPECT_EQ(card.threaded, 1);
}

TEST_F(Interrupts, a_shared_line_calls_all_and_refuses_who_does_not_share) {
  Card one(KMEM_IRQ_LEVEL);
  Card two(KMEM_IRQ_LEVEL);
  static Card* lowered;
  lowered = &one;
  int dummy = 0;
  const irq_handler_t both = [](int, void* data) {
    lowered->acknowledge();
    ++static_cast<Card*>(data)->handled;
    return IRQ_HANDLED;
  };
  ASSERT_EQ(request_irq(one.irq, both, IRQF_SHARED, "one", &one), 0);
  ASSERT_EQ(request_irq(one.irq, both, IRQF_SHARED, "two", &two), 0);
  EXPECT_EQ(request_irq(one.irq, both, 0, "three", &dummy), -EBUSY);
  EXPECT_TRUE(logged("Flags mismatch irq"));
  EXPECT_EQ(request_irq(one.irq, both, IRQF_SHARED, "nobody", nullptr), -EINVAL);
  one.raise();
  kmem_irq_settle();
  EXPECT_EQ(one.handled, 1);
  EXPECT_EQ(two.handled, 1);
  free_irq(one.irq, &one);
  one.raise();
  kmem_irq_settle();
  EXPECT_EQ(one.handled, 1);
  EXPECT_EQ(two.handled, 2);
  free_irq(one.irq, &two);
}

TEST_F(Interrupts, what_cannot_be_is_refused) {
  Card card(KMEM_IRQ_LEVEL);
  EXPECT_EQ(request_irq(card.irq + 100, acknowledge, 0, "card", &card), -EINVAL);
  EXPECT_EQ(request_irq(5, acknowledge, 0, "card", &card), -EINVAL);
  EXPECT_EQ(request_irq(card.irq, nullptr, 0, "card", &card), -EINVAL);
  EXPECT_EQ(request_threaded_irq(card.irq, nullptr, acknowledge, 0, "card", &card), -EINVAL);
  EXPECT_TRUE(logged("Threaded irq requested with handler=NULL and !ONESHOT for card"));
  EXPECT_TRUE(has(said_by([&] { EXPECT_EQ(free_irq(card.irq, &card), nullptr); }), "Trying to free already-free IRQ"));
}

TEST_F(Interrupts, a_line_that_nobody_handles_is_switched_off) {
  Card card(KMEM_IRQ_LEVEL);
  ASSERT_EQ(request_irq(card.irq, not_mine, IRQF_SHARED, "deaf", &card), 0);
  card.raise();
  test::until([&] { return logged("Disabling IRQ"); });
  EXPECT_TRUE(logged("nobody cared"));
  EXPECT_TRUE(logged("of deaf"));
  EXPECT_EQ(card.count(), 100000u);
  free_irq(card.irq, &card);
}

TEST_F(Interrupts, a_line_that_is_handled_and_never_lowered_is_reported) {
  Card card(KMEM_IRQ_LEVEL);
  const irq_handler_t forgets = [](int, void*) { return IRQ_HANDLED; };
  ASSERT_EQ(request_irq(card.irq, forgets, 0, "forgets", &card), 0);
  card.raise();
  test::until([&] { return logged("handled 10000 times in a row and still raised"); });
  card.acknowledge();
  free_irq(card.irq, &card);
}

TEST_F(Interrupts, a_handler_that_is_left_behind_is_reported_when_the_device_goes) {
  auto* card = new Card(KMEM_IRQ_LEVEL);
  ASSERT_EQ(request_irq(card->irq, acknowledge, 0, "forgotten", card), 0);
  EXPECT_TRUE(has(said_by([&] { delete card; }), "goes while 'forgotten' has a handler"));
}

TEST_F(Interrupts, one_that_is_noted_with_a_device_goes_with_it) {
  Card card(KMEM_IRQ_EDGE);
  device dev = {};
  dev.init_name = "noted";
  ASSERT_EQ(devm_request_irq(&dev, card.irq, acknowledge, 0, nullptr, &card), 0);
  EXPECT_TRUE(irq_has_action(card.irq));
  EXPECT_EQ(devres_release_all(&dev), 1);
  EXPECT_FALSE(irq_has_action(card.irq));
  ASSERT_EQ(devm_request_irq(&dev, card.irq, acknowledge, 0, nullptr, &card), 0);
  devm_free_irq(&dev, card.irq, &card);
  EXPECT_EQ(devres_release_all(&dev), 0);
}

TEST_F(Interrupts, free_irq_waits_for_a_handler_that_runs) {
  for (int round = 0; round < 200; ++round) {
    Card card(KMEM_IRQ_EDGE);
    static std::atomic<bool> freed, used_after;
    freed = used_after = false;
    const irq_handler_t handler = [](int, void*) {
      for (int i = 0; i < 100; ++i) used_after = used_after || freed;
      return IRQ_HANDLED;
    };
    ASSERT_EQ(request_irq(card.irq, handler, 0, "card", &card), 0);
    card.raise();
    free_irq(card.irq, &card);
    freed = true;
    EXPECT_FALSE(used_after);
  }
}

TEST_F(Interrupts, a_device_of_old_has_the_line_that_it_chooses) {
  EXPECT_EQ(kmem_irq_alloc_line(0, "timer", KMEM_IRQ_EDGE), -EINVAL);
  EXPECT_EQ(kmem_irq_alloc_line(16, "card", KMEM_IRQ_EDGE), -EINVAL);
  ASSERT_EQ(kmem_irq_alloc_line(7, "printer", KMEM_IRQ_EDGE), 7);
  EXPECT_EQ(kmem_irq_alloc_line(7, "other", KMEM_IRQ_EDGE), -EBUSY);
  const irq_handler_t count_it = [](int, void* data) { return ++*static_cast<std::atomic<int>*>(data), IRQ_HANDLED; };
  std::atomic<int> handled{0};
  ASSERT_EQ(request_irq(7, count_it, 0, "printer", &handled), 0);
  kmem_irq_raise(7);
  kmem_irq_settle();
  EXPECT_EQ(handled, 1);
  free_irq(7, &handled);
  kmem_irq_free(7);
  EXPECT_EQ(request_irq(7, count_it, 0, "printer", &handled), -EINVAL) << "there is no such line";
}

TEST_F(Interrupts, probing_finds_the_one_line_that_a_device_raises) {
  Card edge(KMEM_IRQ_EDGE), level(KMEM_IRQ_LEVEL), used(KMEM_IRQ_EDGE);
  ASSERT_EQ(request_irq(used.irq, acknowledge, 0, "card", &used), 0);
  unsigned long probed = probe_irq_on();
  used.raise();
  EXPECT_EQ(probe_irq_off(probed), 0) << "one with a handler does not count";
  edge.raise();
  probed = probe_irq_on();
  EXPECT_EQ(probe_irq_off(probed), 0) << "it came before";
  for (Card* card : {&edge, &level}) {
    probed = probe_irq_on();
    card->raise();
    EXPECT_EQ(probe_irq_off(probed), static_cast<int>(card->irq));
    card->acknowledge();
  }
  probed = probe_irq_on();
  edge.raise();
  level.raise();
  EXPECT_LT(probe_irq_off(probed), 0) << "two";
  probed = probe_irq_on();
  EXPECT_EQ(probe_irq_off(probed), 0) << "the level is still raised";
  kmem_irq_settle();
  free_irq(used.irq, &used);
}

}  // namespace
