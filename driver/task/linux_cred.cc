// The caller's credentials and capabilities.

#include <kmem/driver.h>
#include <linux/cred.h>

#include "host/host.h"

namespace {
constinit user_namespace the_namespace = {};

cred host_cred() {
  const auto [uid, euid, gid, egid] = kmem_driver::host::user();
  return {{uid}, {euid}, {uid}, {euid}, {gid}, {egid}, {gid}, {egid}, &the_namespace};
}
}  // namespace

extern "C" {

user_namespace* kmem_driver_init_user_ns() noexcept { return &the_namespace; }

const cred* current_cred() noexcept {
  static const cred ours = host_cred();
  const task_struct* task = get_current();
  return task->cred ? task->cred : &ours;
}

bool capable(int capability) noexcept {
  return capability >= 0 && capability < 64 && !(kmem_driver::host::own().no_capabilities >> capability & 1);
}

void kmem_driver_set_capable(unsigned long long to) noexcept { kmem_driver::host::own().no_capabilities = ~to; }

}  // extern "C"
