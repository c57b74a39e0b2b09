/* The names of the system. */
#include <linux/utsname.h>

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

int main(void) {
  struct utsname host;
  const struct new_utsname* own = utsname();
  if (uname(&host)) return 77;
  if (strcmp(own->sysname, host.sysname) || strcmp(own->release, host.release) || strcmp(own->machine, host.machine) ||
      strcmp(own->version, host.version) || strcmp(init_uts_ns.name.nodename, host.nodename) || init_utsname() != own) {
    fprintf(stderr, "%s %s %s is not what uname() says\n", own->sysname, own->release, own->machine);
    return 1;
  }
  return 0;
}
