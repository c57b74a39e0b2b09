// The caller's credentials and capabilities.

#include <unistd.h>

#include <kmem/driver.h>
#include <linux/cred.h>

namespace {
constinit user_namespace the_namespace = {};
constinit thread_local unsigned long long capabilities = ~0ull;
}  // namespace

extern "C" {

user_namespace* kmem_driver_init_user_ns() noexcept { return &the_namespace; }

const cred* current_cred() noexcept {
  static const cred ours = {{getuid()},  {geteuid()}, {getuid()},  {geteuid()},   {getgid()},
                            {getegid()}, {getgid()},  {getegid()}, &the_namespace};
  const task_struct* task = get_current();
  return task->cred ? task->cred : &ours;
}

bool capable(int capability) noexcept { return capability >= 0 && capability < 64 && capabilities >> capability & 1; }

void kmem_driver_set_capable(unsigned long long to) noexcept { capabilities = to; }

}  // extern "C"
