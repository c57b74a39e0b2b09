#ifndef KMEM_LINUX_UTSNAME_H
#define KMEM_LINUX_UTSNAME_H
/* What uname() says: the host's, read when libkmem-driver is loaded.  Any context. */
#include <kmem/driver_face.h>

#define __NEW_UTS_LEN 64

struct new_utsname {
  char sysname[__NEW_UTS_LEN + 1];
  char nodename[__NEW_UTS_LEN + 1];
  char release[__NEW_UTS_LEN + 1];
  char version[__NEW_UTS_LEN + 1];
  char machine[__NEW_UTS_LEN + 1];
  char domainname[__NEW_UTS_LEN + 1];
};
struct uts_namespace {
  struct new_utsname name;
};

KMEM_BEGIN_C
KMEM_API extern struct uts_namespace kmem_driver_uts_namespace;
KMEM_END_C

#define init_uts_ns kmem_driver_uts_namespace
static inline struct new_utsname* utsname(void) { return &init_uts_ns.name; }
static inline struct new_utsname* init_utsname(void) { return &init_uts_ns.name; }

#endif
