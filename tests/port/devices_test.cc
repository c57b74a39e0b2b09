// The contract of every port, devices that the host shows.

#include "port/contract.h"

namespace kmem {
namespace {

TEST_F(Contract, where_no_device_is_none_is_found) {
  HostDevice device{};
  EXPECT_FALSE(kmem_port_find_device("/no/such/tree", machine().ram[0].start.value, IoWrites::Single, &device))
      << "memory is no device";
  EXPECT_LT(kmem_port_keep_device(-1), 0) << "no file";
}

TEST_F(Contract, what_is_kept_can_be_shown_and_is_closed) {
  HostDevice device{};
  if (!kmem_port_find_device("/sys", 0xfeb00000, IoWrites::Single, &device))
    GTEST_SKIP() << "this machine shows no device there";
  EXPECT_LT(0xfeb00000 - device.phys, device.bytes);
  const int file = kmem_port_open_device(&device);
  if (file < 0) GTEST_SKIP() << "it may not be opened: " << device.problem;
  kmem_port_close_device(file);
}

}  // namespace
}  // namespace kmem
