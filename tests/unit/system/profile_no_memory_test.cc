// The beginning of a profile where there is no memory for it, in a process that never had one.

#include <gtest/gtest.h>
#include <kmem/fault.h>
#include <kmem/profile.h>
#include <linux/slab.h>
#include <sys/resource.h>

#include <cerrno>
#include <fstream>

#include "unit/system/profiling.h"

namespace kmem {
namespace {

/// No more addresses from the host while it lives.
class NoAddresses {
 public:
  NoAddresses() {
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    getrlimit(RLIMIT_AS, &before_);
    const rlimit small = {pages * kPageSize + (4 << 20), before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_AS, &small), 0);
  }
  ~NoAddresses() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_;
};

void expect_unsampled_and_asked_for() {
  void* p = kzalloc(5000, GFP_KERNEL);
  EXPECT_NE(p, nullptr) << "the program's memory is not what is missing";
  EXPECT_FALSE(kmem_profile.is_sampled(p));
  kfree(p);
  EXPECT_TRUE(kmem_profile.is_stale());
}

TEST(ProfileWithoutMemory, BeginsWithTheFirstCallThatFindsSome) {
  ASSERT_TRUE(boot());
  kfree(kzalloc(5000, GFP_KERNEL));  // from now on there is memory for such
  ASSERT_EQ(kmem_profile.world.blocks.load(), nullptr);
  EXPECT_EQ(kmem_profile_write(1), -ENODATA);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their shadows have no room in such a limit
  {
    const NoAddresses limit;
    EXPECT_EQ(kmem_profile_start(1), -ENOMEM);
    expect_unsampled_and_asked_for();
    EXPECT_EQ(kmem_profile.world.blocks.load(), nullptr);
  }
#endif
  ASSERT_EQ(kmem_fault_set("fail_function=map_tables,1,100,0,-1,verbose=0"), 0);
  EXPECT_EQ(kmem_profile_start(1), -ENOMEM);
  expect_unsampled_and_asked_for();
  EXPECT_EQ(kmem_profile.world.blocks.load(), nullptr);
  kmem_fault_reset();
  ASSERT_EQ(kmem_fault_set("fail_function=kmem_cache_create,1,100,0,-1,verbose=0"), 0);
  expect_unsampled_and_asked_for();
  EXPECT_NE(kmem_profile.world.blocks.load(), nullptr) << "there are tables now, and no caches";
  EXPECT_EQ(kmem_profile.world.live.value(), 0u);
  kmem_fault_reset();
  kfree(kzalloc(5000, GFP_KERNEL));  // finds memory
  EXPECT_FALSE(kmem_profile.is_stale());
  void* p = nullptr;
  for (int tries = 0; tries < 10 && !(p && kmem_profile.is_sampled(p)); ++tries) {
    kfree(p);
    p = kmalloc(5000, GFP_KERNEL);
  }
  EXPECT_TRUE(kmem_profile.is_sampled(p));
  kmem_profile_stop();
  kfree(p);
  EXPECT_EQ(kmem_profile.world.live.value(), 0u);
}

}  // namespace
}  // namespace kmem
