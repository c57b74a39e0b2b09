// The table of what others register: who is in it, once, and who is being called.

#include "page/registry.h"

#include <gtest/gtest.h>

namespace kmem {

class RegistryTestPeer {
 public:
  template <typename R>
  static auto& slot(R& registry, unsigned i) {
    return registry.slots_[i];
  }
  template <typename R>
  static auto& nr(R& registry) {
    return registry.nr_;
  }
};

namespace {

using Peer = RegistryTestPeer;

TEST(Registry, an_entry_is_added_once_called_and_removed) {
  Registry<int, 4> registry;
  int a = 1, b = 2, sum = 0;
  EXPECT_TRUE(registry.add(a) && registry.add(b));
  EXPECT_FALSE(registry.add(a)) << "it is there already";
  registry.for_each([&](int& entry) { return sum += entry, true; });
  EXPECT_EQ(sum, 3);
  EXPECT_FALSE(registry.check()) << registry.check().rule;
  EXPECT_TRUE(registry.remove(a));
  EXPECT_FALSE(registry.remove(a));
  EXPECT_EQ(registry.nr(), 1u);
  EXPECT_FALSE(registry.check()) << registry.check().rule;
}

TEST(Registry, a_full_one_refuses) {
  Registry<int, 2> registry;
  int entries[3];
  EXPECT_TRUE(registry.add(entries[0]) && registry.add(entries[1]));
  EXPECT_FALSE(registry.add(entries[2]));
}

TEST(Registry, a_call_is_counted_while_it_runs) {
  Registry<int, 2> registry;
  int a = 0;
  registry.add(a);
  bool seen = false;
  registry.for_each([&](int&) {
    seen = registry.check().is("R2");
    return true;
  });
  EXPECT_TRUE(seen);
  EXPECT_FALSE(registry.check()) << registry.check().rule;
}

TEST(Registry, R1_an_entry_that_is_there_twice_and_a_number_that_is_wrong) {
  Registry<int, 4> registry;
  int a = 0;
  registry.add(a);
  Peer::nr(registry).fetch_add(1);
  EXPECT_TRUE(registry.check().is("R1"));
  Peer::slot(registry, 2).entry.store(&a);
  EXPECT_TRUE(registry.check().is("R1"));
}

TEST(Registry, R2_a_user_that_never_went) {
  Registry<int, 4> registry;
  Peer::slot(registry, 3).users.fetch_add(1);
  EXPECT_TRUE(registry.check().is("R2"));
}

}  // namespace
}  // namespace kmem
