// What is done to an object of a checked cache at both ends, over plain memory: no slabs' frames, no page allocator.

#include "slab/checked_objects.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "slab/quarantine.h"
#include "slab/slab.h"
#include "slab/slab_world.h"
#include "sync/sheaf.h"

namespace kmem {
namespace {

using Freed = CheckedObjects::Freed;

class CheckedObjectsTest : public testing::Test {
 protected:
  /// One slab of objects of 100 bytes, all of them with their patterns.
  void make(uint32_t flags) {
    setup_.flags = flags;
    objects_.init(world_, setup_);
    const uint32_t stride = debug().on() ? debug().layout().stride() : 104;
    shape_ = SlabShape::choose({.size = stride, .lead = debug().layout().lead(), .shared = true});
    memory_.assign(shape_.bytes() + kPageSize, 0);
    first_ =
        reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(memory_.data()), kPageSize)) + debug().layout().first();
    pages_ = std::vector<Page>(shape_.order.pages());
    slab().init(shape_, 0, 7);
    for (uint32_t i = 0; debug().on() && i < shape_.nr_objects; ++i) debug().make(at(i));
  }
  const ObjectDebug& debug() const { return objects_.debug(); }
  Slab& slab() { return Slab::of(pages_.data()); }
  char* at(uint32_t i) { return first_ + uint64_t{i} * shape_.size; }
  /// The lowest object, out of the slab and allocated.
  char* alloc(uint32_t asked = 100) {
    uint64_t words[2];
    Sheaf sheaf = Sheaf::cut(words, 1);
    slab().take(shape_, first_, 1, sheaf);
    auto* object = static_cast<char*>(sheaf.take());
    objects_.alloc(object, asked);
    return object;
  }
  uint64_t faults() { return objects_.validate(slab(), first_, shape_.size); }
  void use_quarantine(uint64_t bytes) {
    places_ = std::vector<uint64_t>(Quarantine::metadata_bytes() / sizeof(uint64_t));
    quarantine_.init(places_.data(), bytes);
    world_.quarantine = &quarantine_;
  }

  static constexpr uint32_t kAll = debug::kChecks | debug::kRedZone | debug::kPoison;
  SlabWorld world_;
  CacheSetup setup_{.name = "checked", .object_size = 100};
  CheckedObjects objects_;
  SlabShape shape_;
  std::vector<char> memory_;
  std::vector<Page> pages_;
  std::vector<uint64_t> places_;
  Quarantine quarantine_;
  char* first_ = nullptr;
};

TEST_F(CheckedObjectsTest, a_plain_object_is_as_it_was_and_goes_to_its_slab) {
  make(0);
  EXPECT_FALSE(debug().on());
  char* p = alloc();
  memset(p, 0x5a, 100);
  EXPECT_EQ(objects_.usable(p), 100u);
  EXPECT_EQ(objects_.free(p, nullptr), Freed::ToSlab);
  EXPECT_EQ(p[99], 0x5a);
}

TEST_F(CheckedObjectsTest, init_on_alloc_and_init_on_free_clear_it) {
  world_.init_on_alloc = world_.init_on_free = true;
  make(0);
  memset(at(0), 1, 100);
  char* p = alloc();
  EXPECT_EQ(std::vector<char>(p, p + 100), std::vector<char>(100, 0));
  memset(p, 2, 100);
  objects_.free(p, nullptr);
  EXPECT_EQ(std::vector<char>(p, p + 100), std::vector<char>(100, 0));
}

TEST_F(CheckedObjectsTest, what_readers_may_look_at_and_what_is_poisoned_is_not_cleared) {
  world_.init_on_free = true;
  setup_.keeps_slabs = true;
  make(0);
  char* p = alloc();
  memset(p, 2, 100);
  objects_.free(p, nullptr);
  EXPECT_EQ(p[50], 2);
  setup_.keeps_slabs = false;
  make(kAll);
  p = alloc();
  objects_.free(p, nullptr);
  EXPECT_EQ(static_cast<uint8_t>(p[50]), pattern::kFree);
}

TEST_F(CheckedObjectsTest, the_red_zone_begins_behind_what_was_asked_for) {
  make(kAll);
  char* p = alloc(60);
  EXPECT_EQ(objects_.usable(p), 60u);
  EXPECT_EQ(static_cast<uint8_t>(p[60]), pattern::kRedActive);
  EXPECT_EQ(faults(), 0u);
}

TEST_F(CheckedObjectsTest, an_object_that_was_freed_is_refused) {
  make(kAll);
  char* p = alloc();
  EXPECT_EQ(objects_.free(p, nullptr), Freed::ToSlab);
  EXPECT_EQ(objects_.free(p, nullptr), Freed::Refused);
}

TEST_F(CheckedObjectsTest, validate_counts_what_is_wrong_and_puts_it_right) {
  make(kAll);
  char *p = alloc(), *q = alloc();
  p[100] = 1;                        // past the end of one that is out
  p[-1] = 1;                         // and in front of it
  at(shape_.nr_objects - 1)[3] = 1;  // into one that is free
  EXPECT_EQ(faults(), 2u) << "two objects";
  EXPECT_EQ(faults(), 0u);
  objects_.free(p, nullptr);
  objects_.free(q, nullptr);
}

TEST_F(CheckedObjectsTest, the_quarantine_holds_it_until_it_is_let_go) {
  use_quarantine(1 << 20);
  make(kAll);
  char* p = alloc();
  EXPECT_EQ(objects_.free(p, nullptr), Freed::ToQuarantine);
  EXPECT_EQ(objects_.nr_held(), 1);
  EXPECT_FALSE(debug().is_free(p));
  EXPECT_EQ(objects_.free(p, nullptr), Freed::Refused) << "it is held, not allocated";
  quarantine_.push({p, 7}, shape_.size, [](Quarantine::Entry) { FAIL() << "nothing was held before"; });
  p[5] = 1;  // used after the free
  const uint64_t before = ObjectDebug::nr_reports();
  objects_.leave_quarantine(p, shape_.size);
  EXPECT_EQ(ObjectDebug::nr_reports(), before + 1);
  EXPECT_EQ(objects_.nr_held(), 0);
  EXPECT_EQ(quarantine_.bytes(), 0u);
  EXPECT_TRUE(debug().is_free(p));
}

TEST_F(CheckedObjectsTest, a_quarantine_that_is_off_holds_nothing) {
  use_quarantine(0);
  make(kAll);
  EXPECT_EQ(objects_.free(alloc(), nullptr), Freed::ToSlab);
}

TEST_F(CheckedObjectsTest, a_constructed_object_that_comes_back_otherwise_is_reported_and_put_right) {
  setup_.hook = [](void* object, Cache*, HookCall) { memset(object, 0x11, 100); };
  setup_.verify = [](void* object, Cache*) { memset(object, 0x11, 100); };
  make(0);
  ASSERT_TRUE(debug().on()) << "one that is verified is checked";
  memset(at(0), 0x11, 100);
  char* p = alloc();
  const uint64_t before = ObjectDebug::nr_reports();
  EXPECT_EQ(objects_.free(p, nullptr), Freed::ToSlab);
  EXPECT_EQ(ObjectDebug::nr_reports(), before);
  p[7] = 0;
  slab().put(0, 1);
  p = alloc();
  EXPECT_EQ(objects_.free(p, nullptr), Freed::ToSlab);
  EXPECT_EQ(ObjectDebug::nr_reports(), before + 1);
  EXPECT_EQ(p[7], 0x11);
}

TEST_F(CheckedObjectsTest, boot_words_name_the_caches_that_are_debugged) {
  DebugWords words;
  const char text[] = "FZ,checked";
  ASSERT_TRUE(words.parse({text, sizeof text - 1}));
  world_.debug = &words;
  make(0);
  EXPECT_EQ(debug().flags(), debug::kChecks | debug::kRedZone);
  EXPECT_FALSE(objects_.spares_large());
  setup_.flags = cache_flag::kNoUserFlags;
  objects_.init(world_, setup_);
  EXPECT_FALSE(debug().on());
}

}  // namespace
}  // namespace kmem
