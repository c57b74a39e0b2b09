// The names of the system: <linux/utsname.h>.

#include <linux/utsname.h>

#include <sys/utsname.h>

#include <cstring>

uts_namespace kmem_driver_uts_namespace;

namespace {

template <size_t N, size_t M>
void copy(char (&to)[N], const char (&from)[M]) {
  memcpy(to, from, strnlen(from, N - 1));
}

[[gnu::constructor]] void read_names() {
  struct utsname host;
  if (uname(&host)) return;
  new_utsname& own = kmem_driver_uts_namespace.name;
  copy(own.sysname, host.sysname);
  copy(own.nodename, host.nodename);
  copy(own.release, host.release);
  copy(own.version, host.version);
  copy(own.machine, host.machine);
  copy(own.domainname, host.domainname);
}

}  // namespace
