#ifndef KMEM_PERMISSIONS_H
#define KMEM_PERMISSIONS_H
/* Permissions of files in /sys, checked by the compiler: others may not do what the owner may not, and not write.
 * Meaning: VERIFY_OCTAL_PERMISSIONS() of the kernel's <linux/kernel.h>. */
#include <linux/build_bug.h>

#ifndef VERIFY_OCTAL_PERMISSIONS
#define VERIFY_OCTAL_PERMISSIONS(mode)                                                                      \
  (BUILD_BUG_ON_ZERO((mode) < 0 || (mode) > 0777, "permissions are 0 to 0777") +                            \
   BUILD_BUG_ON_ZERO(((mode) >> 6 & 4) < ((mode) >> 3 & 4) || ((mode) >> 3 & 4) < ((mode)&4),               \
                     "others may read what the owner or the group may not") +                               \
   BUILD_BUG_ON_ZERO(((mode) >> 6 & 2) < ((mode) >> 3 & 2), "the group may write what the owner may not") + \
   BUILD_BUG_ON_ZERO((mode)&2, "everybody may write") + (mode))
#endif
#endif
