#ifndef KMEM_LINUX_CRED_H
#define KMEM_LINUX_CRED_H
/* A task's identity, which is the host's user and group, and its capabilities: all, unless kmem_driver_set_capable() says
 * otherwise, so that driver code that checks them can be tested without root. */
#include <kmem/driver_face.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/types.h>

typedef struct {
  uid_t val;
} kuid_t;
typedef struct {
  gid_t val;
} kgid_t;
struct user_namespace {
  int kmem_none;
};
struct cred {
  kuid_t uid, euid, suid, fsuid;
  kgid_t gid, egid, sgid, fsgid;
  struct user_namespace* user_ns;
};

KMEM_BEGIN_C
KMEM_API const struct cred* current_cred(void) KMEM_DRIVER_NAME(current_cred);
KMEM_API bool capable(int capability) KMEM_DRIVER_NAME(capable);
KMEM_API struct user_namespace* kmem_driver_init_user_ns(void) KMEM_NOTHROW;
static inline bool ns_capable(struct user_namespace* ns, int capability) { return (void)ns, capable(capability); }
static inline bool perfmon_capable(void) { return capable(CAP_PERFMON); }
static inline kuid_t make_kuid(struct user_namespace* ns, uid_t uid) {
  const kuid_t id = {uid};
  return (void)ns, id;
}
static inline kgid_t make_kgid(struct user_namespace* ns, gid_t gid) {
  const kgid_t id = {gid};
  return (void)ns, id;
}
static inline uid_t from_kuid(struct user_namespace* ns, kuid_t uid) { return (void)ns, uid.val; }
static inline gid_t from_kgid(struct user_namespace* ns, kgid_t gid) { return (void)ns, gid.val; }
static inline uid_t from_kuid_munged(struct user_namespace* ns, kuid_t uid) { return (void)ns, uid.val; }
static inline uid_t __kuid_val(kuid_t uid) { return uid.val; }
static inline gid_t __kgid_val(kgid_t gid) { return gid.val; }
static inline bool uid_eq(kuid_t a, kuid_t b) { return a.val == b.val; }
static inline bool gid_eq(kgid_t a, kgid_t b) { return a.val == b.val; }
KMEM_END_C

#define init_user_ns (*kmem_driver_init_user_ns())
#define current_user_ns() kmem_driver_init_user_ns()
#define current_uid() (current_cred()->uid)
#define current_euid() (current_cred()->euid)
#define current_gid() (current_cred()->gid)
#define current_fsuid() (current_cred()->fsuid)
#ifdef __cplusplus
#define GLOBAL_ROOT_UID (kuid_t{0})
#define GLOBAL_ROOT_GID (kgid_t{0})
#else
#define GLOBAL_ROOT_UID ((kuid_t){0})
#define GLOBAL_ROOT_GID ((kgid_t){0})
#endif
#define KUIDT_INIT(value) \
  { value }
#define KGIDT_INIT(value) \
  { value }
#endif
