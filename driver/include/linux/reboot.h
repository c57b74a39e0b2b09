#ifndef KMEM_LINUX_REBOOT_H
#define KMEM_LINUX_REBOOT_H
/* Notifiers of a restart, and restarting: there is no machine to restart, so that is reported, and the process goes on.  The
 * notifiers are never called. */
#include <kmem/driver_face.h>
#include <linux/bug.h>
#include <linux/notifier.h>

#define SYS_DOWN 0x0001
#define SYS_RESTART SYS_DOWN
#define SYS_HALT 0x0002
#define SYS_POWER_OFF 0x0003

static inline int register_reboot_notifier(struct notifier_block* block) { return (void)block, 0; }
static inline int unregister_reboot_notifier(struct notifier_block* block) { return (void)block, 0; }
static inline void kernel_restart(char* command) { WARN(1, "the driver restarts the machine: %s", command ? command : ""); }
static inline void kernel_halt(void) { WARN(1, "the driver halts the machine"); }
static inline void kernel_power_off(void) { WARN(1, "the driver switches the machine off"); }
static inline void emergency_restart(void) { WARN(1, "the driver restarts the machine: emergency_restart()"); }
static inline void machine_restart(char* command) { WARN(1, "the driver restarts the machine: %s", command ? command : ""); }
static inline void orderly_poweroff(bool force) { WARN(1, "the driver switches the machine off%s", force ? ", by force" : ""); }

#endif
