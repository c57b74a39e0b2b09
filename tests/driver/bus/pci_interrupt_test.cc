// Interrupts of PCI functions: pins that share a line and can be silenced, and messages, each to its own handler.

#include "helpers.h"

#include <kmem/simulated.h>
#include <linux/pci.h>

namespace {

using test::has;
using test::logged;
using test::said_by;

/// A card with a queue for each message; its pin is up until the driver has acknowledged.
struct Card {
  kmem_pci_function what = {};
  pci_dev* pdev = nullptr;
  std::atomic<bool> wants{false};
  std::atomic<int> handled{0};

  explicit Card(unsigned char shared_line = 0, unsigned char nr_msix = 0) {
    what.name = "card";
    what.vendor = 0x1234;
    what.device = 0x77;
    what.interrupt_pin = 1;
    what.nr_msix = nr_msix;
    what.shared_line = shared_line;
    pdev = kmem_pci_plug(&what, this);
    EXPECT_FALSE(IS_ERR(pdev));
  }
  ~Card() {
    if (pdev) kmem_pci_unplug(pdev);
  }
  Card(const Card&) = delete;
  void raise() {
    wants = true;
    kmem_pci_raise(pdev, 0);
  }
  /// What a handler of a shared line does: it looks whether its own device has asked.
  static irqreturn_t handle(int, void* data) {
    auto* card = static_cast<Card*>(data);
    if (!card->wants.exchange(false)) return IRQ_NONE;
    ++card->handled;
    kmem_pci_lower(card->pdev);
    return IRQ_HANDLED;
  }
  bool is_pending() const {
    u16 status = 0;
    pci_read_config_word(pdev, PCI_STATUS, &status);
    return status & PCI_STATUS_INTERRUPT;
  }
};

struct PciInterrupts : testing::Test {
  PciInterrupts() { kmem_driver_log_clear(); }
};

TEST_F(PciInterrupts, functions_that_share_a_line_are_told_apart_by_their_handlers) {
  Card one(5), two(5), other(6), alone;
  ASSERT_EQ(one.pdev->irq, two.pdev->irq);
  EXPECT_NE(one.pdev->irq, other.pdev->irq);
  EXPECT_NE(one.pdev->irq, alone.pdev->irq);
  const unsigned irq = one.pdev->irq;
  ASSERT_EQ(request_irq(irq, Card::handle, IRQF_SHARED, "one", &one), 0);
  EXPECT_EQ(request_irq(irq, Card::handle, 0, "selfish", &two), -EBUSY);
  ASSERT_EQ(request_irq(irq, Card::handle, IRQF_SHARED, "two", &two), 0);
  two.raise();
  kmem_irq_settle();
  EXPECT_EQ(one.handled, 0);
  EXPECT_EQ(two.handled, 1);
  EXPECT_EQ(kmem_irq_count(static_cast<int>(irq)), 1u);
  free_irq(irq, &one);
  free_irq(irq, &two);
}

TEST_F(PciInterrupts, a_shared_line_stays_up_until_its_last_function_has_lowered_it) {
  Card one(5), two(5);
  const unsigned irq = one.pdev->irq;
  ASSERT_EQ(request_irq(irq, Card::handle, IRQF_SHARED, "one", &one), 0);
  disable_irq(irq);
  one.raise();
  two.raise();
  enable_irq(irq);
  test::until([&] { return one.handled == 1 && kmem_irq_count(static_cast<int>(irq)) > 100; });
  EXPECT_EQ(two.handled, 0);
  ASSERT_EQ(request_irq(irq, Card::handle, IRQF_SHARED, "two", &two), 0);
  kmem_irq_settle();
  EXPECT_EQ(two.handled, 1);
  free_irq(irq, &one);
  free_irq(irq, &two);
}

TEST_F(PciInterrupts, a_driver_that_does_not_know_the_other_device_lets_the_line_be_switched_off) {
  Card one(5), two(5);
  ASSERT_EQ(request_irq(one.pdev->irq, Card::handle, IRQF_SHARED, "one", &one), 0);
  two.raise();
  test::until([] { return logged("Disabling IRQ"); });
  EXPECT_TRUE(logged("nobody cared"));
  one.raise();
  kmem_irq_settle();
  EXPECT_EQ(one.handled, 0) << "its line is off";
  free_irq(one.pdev->irq, &one);
}

TEST_F(PciInterrupts, a_function_that_goes_lowers_a_shared_line_and_does_not_end_it) {
  Card one(5);
  {
    Card two(5);
    two.raise();
  }
  ASSERT_EQ(request_irq(one.pdev->irq, Card::handle, IRQF_SHARED, "one", &one), 0);
  one.raise();
  kmem_irq_settle();
  EXPECT_EQ(one.handled, 1);
  EXPECT_EQ(kmem_irq_count(static_cast<int>(one.pdev->irq)), 1u);
  free_irq(one.pdev->irq, &one);
}

TEST_F(PciInterrupts, a_handler_that_is_left_on_a_shared_line_is_reported_when_the_line_goes) {
  auto *one = new Card(5), *two = new Card(5);
  ASSERT_EQ(request_irq(one->pdev->irq, Card::handle, IRQF_SHARED, "forgotten", one), 0);
  EXPECT_EQ(said_by([&] { delete two; }), "");
  EXPECT_TRUE(has(said_by([&] { delete one; }), "goes while 'forgotten' has a handler"));
}

TEST_F(PciInterrupts, a_silenced_pin_is_seen_when_it_may_speak_again) {
  Card card;
  ASSERT_EQ(request_irq(card.pdev->irq, Card::handle, IRQF_SHARED, "card", &card), 0);
  pci_intx(card.pdev, 0);
  card.raise();
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 0);
  EXPECT_TRUE(card.is_pending());
  pci_intx(card.pdev, 1);
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 1);
  EXPECT_FALSE(card.is_pending());
  free_irq(card.pdev->irq, &card);
}

TEST_F(PciInterrupts, a_handler_can_mask_the_pin_of_its_own_function_and_leave_the_rest_to_a_program) {
  Card card(5), other(5);
  const irq_handler_t mask = [](int, void* data) {
    auto* c = static_cast<Card*>(data);
    if (!pci_check_and_mask_intx(c->pdev)) return IRQ_NONE;
    ++c->handled;
    return IRQ_HANDLED;
  };
  ASSERT_TRUE(pci_intx_mask_supported(card.pdev));
  ASSERT_EQ(request_irq(card.pdev->irq, mask, IRQF_SHARED, "card", &card), 0);
  ASSERT_EQ(request_irq(card.pdev->irq, Card::handle, IRQF_SHARED, "other", &other), 0);
  // Together, since a second run of the line would find the first function's interrupt still there.
  disable_irq(card.pdev->irq);
  card.raise();
  other.raise();
  enable_irq(card.pdev->irq);
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 1);
  EXPECT_EQ(other.handled, 1);
  EXPECT_FALSE(pci_check_and_unmask_intx(card.pdev)) << "it still asserts its interrupt";
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 1);
  kmem_pci_lower(card.pdev);
  EXPECT_TRUE(pci_check_and_unmask_intx(card.pdev));
  card.raise();
  kmem_irq_settle();
  EXPECT_EQ(card.handled, 2);
  kmem_pci_lower(card.pdev);
  free_irq(card.pdev->irq, &card);
  free_irq(card.pdev->irq, &other);
}

/// Counts by vector.
struct Queue {
  std::atomic<int> n{0};
  static irqreturn_t count(int, void* data) { return ++static_cast<Queue*>(data)->n, IRQ_HANDLED; }
};

TEST_F(PciInterrupts, each_queue_has_a_vector_and_a_handler_of_its_own) {
  Card card(0, 8);
  pci_set_master(card.pdev);
  ASSERT_EQ(pci_alloc_irq_vectors(card.pdev, 2, 4, PCI_IRQ_MSIX | PCI_IRQ_AFFINITY), 4);
  Queue queues[4];
  for (unsigned i = 0; i < 4; ++i)
    ASSERT_EQ(pci_request_irq(card.pdev, i, Queue::count, nullptr, &queues[i], "queue-%u", i), 0);
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned times = 0; times <= i; ++times) {
      kmem_pci_raise(card.pdev, i);
      kmem_irq_settle();
    }
  kmem_pci_raise(card.pdev, 4);  // of the table, and of no vector
  kmem_irq_settle();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(queues[i].n, i + 1);
  EXPECT_FALSE(card.is_pending()) << "messages are not the pin";
  for (unsigned i = 0; i < 4; ++i) pci_free_irq(card.pdev, i, &queues[i]);
  pci_free_irq_vectors(card.pdev);
}

TEST_F(PciInterrupts, entries_of_the_table_may_be_chosen) {
  Card card(0, 8);
  pci_set_master(card.pdev);
  msix_entry twice[2] = {{0, 3}, {0, 3}}, beyond[1] = {{0, 8}}, chosen[2] = {{0, 6}, {0, 2}};
  EXPECT_EQ(pci_enable_msix_range(card.pdev, twice, 2, 2), -EINVAL);
  EXPECT_EQ(pci_enable_msix_range(card.pdev, beyond, 1, 1), -EINVAL);
  EXPECT_EQ(pci_enable_msix_range(card.pdev, chosen, 2, 1), -ERANGE);
  ASSERT_EQ(pci_enable_msix_range(card.pdev, chosen, 2, 2), 2);
  EXPECT_EQ(chosen[0].vector, static_cast<u32>(pci_irq_vector(card.pdev, 0)));
  Queue six, two;
  ASSERT_EQ(request_irq(chosen[0].vector, Queue::count, 0, "six", &six), 0);
  ASSERT_EQ(request_irq(chosen[1].vector, Queue::count, 0, "two", &two), 0);
  for (const unsigned n : {2u, 6u, 2u, 0u, 1u}) {
    kmem_pci_raise(card.pdev, n);
    kmem_irq_settle();
  }
  EXPECT_EQ(six.n, 1);
  EXPECT_EQ(two.n, 2);
  free_irq(chosen[0].vector, &six);
  free_irq(chosen[1].vector, &two);
  pci_disable_msix(card.pdev);
}

}  // namespace
