#ifndef KMEM_DRIVER_H
#define KMEM_DRIVER_H
/* The other side of a driver's surroundings: what loads a driver into a process and uses its devices.
 *
 * A driver includes <linux/...> alone.  A program that hosts it, such as a test, includes this header; it needs none of the
 * kernel's names.  Functions return what the kernel's system calls do: a negative error number on failure.
 *
 * Task context unless it says otherwise. */
#include <kmem/driver_face.h>
#include <stddef.h>
#include <sys/types.h>

struct iovec;
struct pollfd;

struct module;
/* The module that the calling code's program or shared object is. */
extern __attribute__((__visibility__("hidden"))) struct module kmem_this_module;

KMEM_BEGIN_C

/** As insmod does: sets the parameters from "name=value name2='a value' ...", runs the init calls by level.  0; the error of
 *  the first call that failed, where the exit calls of the files that had succeeded have run, the last first; or that of a
 *  parameter, where nothing has run.  -EEXIST: it is loaded.  An unknown parameter is named in the log and ignored. */
KMEM_API int kmem_driver_load(struct module* module, const char* parameters) KMEM_NOTHROW;
/** The same with parameters from a program's command line. */
KMEM_API int kmem_driver_load_with(struct module* module, int argc, char* const* argv) KMEM_NOTHROW;
/** As rmmod does: runs the exit calls, the last first.  -EBUSY, and nothing happens, while the module is in use;
 *  also for one that has an init call and no exit call, which in the kernel is permanent. -ENOENT: it is not loaded. */
KMEM_API int kmem_driver_unload(struct module* module) KMEM_NOTHROW;
/** The same for a module in a file, a shared object; stores the module in *inserted (`inserted` may be NULL).  -ENOEXEC: the
 *  file cannot be opened, lacks a name, or is no module; the log says which. */
KMEM_API int kmem_driver_insert(const char* path, const char* parameters, struct module** inserted) KMEM_NOTHROW;
/** As kmem_driver_unload(), and closes the file: its variables are initialised anew when it is inserted again. */
KMEM_API int kmem_driver_remove(struct module* module) KMEM_NOTHROW;
/** Finds a loaded module by its name; NULL if there is none. */
KMEM_API struct module* kmem_driver_find(const char* name) KMEM_NOTHROW;
/** Texts of MODULE_LICENSE() and so on: returns the n-th text under the tag, NULL past the last. */
KMEM_API const char* kmem_driver_info(const struct module* module, const char* tag, unsigned n) KMEM_NOTHROW;

/** The last messages, each line with its level in front, "<4>text"; at most the last `size` - 1 characters, and a 0.  Returns
 *  the length of the whole log. Any context. */
KMEM_API size_t kmem_driver_log(char* buffer, size_t size) KMEM_NOTHROW;
KMEM_API int kmem_driver_log_has(const char* text) KMEM_NOTHROW;
KMEM_API void kmem_driver_log_clear(void) KMEM_NOTHROW;
/** How many mistakes of the driver have been reported, by kmem and its surroundings: warnings, bugs, mistakes with locks, DMA
 *  and interrupts. Leaks are not among them. Any context. */
KMEM_API unsigned long kmem_driver_mistakes(void) KMEM_NOTHROW;
/** Dynamic debug, by the kernel's commands: "module scull file main.c func scull_* line 10-20 format text +pmflt", with + -
 *  and =; several with ; between them.  Returns how many call sites matched, or -EINVAL. */
KMEM_API int kmem_driver_debug(const char* commands) KMEM_NOTHROW;

/** Virtual time: it stands still while any task runs, and jumps to the next deadline when all tasks sleep. Each thread that has
 *  called driver code is a task, and each kernel thread. Switch it on before the driver is loaded. */
KMEM_API void kmem_driver_virtual_time(int on) KMEM_NOTHROW;
/** Advances virtual time by so much, from deadline to deadline; at each one the other tasks run until they sleep. */
KMEM_API void kmem_driver_advance(unsigned long long ns) KMEM_NOTHROW;
/** 1: the calling thread is about to wait for something outside the driver's surroundings, such as the end of another thread,
 *  and does not hold up virtual time until it calls this with 0. */
KMEM_API void kmem_driver_outside(int outside) KMEM_NOTHROW;
/** The clock that drivers see, in nanoseconds. */
KMEM_API unsigned long long kmem_driver_now_ns(void) KMEM_NOTHROW;

/** Sends a signal to the task with that number (a thread's gettid()) and ends its interruptible sleep.  0, -ESRCH, -EINVAL. */
KMEM_API int kmem_driver_signal(int pid, int signal) KMEM_NOTHROW;

/** The memory of another process, for a tool that forwards its calls. The functions return how many of the `n` bytes could not
 *  be copied. */
struct kmem_driver_user {
  size_t (*read)(void* to, const void* from, size_t n, void* data);
  size_t (*write)(void* to, const void* from, size_t n, void* data);
  void* data;
};
/** From now on, drivers called by this thread use this as user space; NULL: this process's own memory. */
KMEM_API void kmem_driver_set_user(const struct kmem_driver_user* user) KMEM_NOTHROW;

/** A thread of another program, as the driver is to see it. */
struct kmem_driver_caller {
  int pid, tgid; /* the thread's number, and its process's */
  char comm[16];
  unsigned int uid, euid, gid, egid;
  unsigned int tty; /* the number of the terminal that controls it; 0: none */
  unsigned long long capabilities;
};
/** From now on the calling thread makes calls for that thread: that thread is `current`, signals for its number come here, and
 *  a call that a signal ends returns the driver's -ERESTARTSYS or related error unchanged. Signals that were pending are
 *  dropped. NULL: the calling thread acts for itself again. */
KMEM_API void kmem_driver_act_as(const struct kmem_driver_caller* caller) KMEM_NOTHROW;

/** Makes the files /proc/devices, /proc/modules and /proc/interrupts, which say what the drivers of this process have; for a
 *  tool, before it loads the first one.  0, -ENOMEM. */
KMEM_API int kmem_driver_show_system(void) KMEM_NOTHROW;

/** Device nodes: S_IFCHR | 0666 and so on as a mode. */
KMEM_API int kmem_driver_mknod(const char* path, unsigned mode, unsigned major, unsigned minor) KMEM_NOTHROW;
KMEM_API int kmem_driver_unlink(const char* path) KMEM_NOTHROW;
/** Calls visit() with each node below a folder until it returns non-zero: returns 1 then, else 0. visit() must not add or
 *  remove nodes. */
KMEM_API int kmem_driver_each_node(const char* folder,
                                   int (*visit)(const char* path, unsigned mode, unsigned major, unsigned minor, void* data),
                                   void* data) KMEM_NOTHROW;

/* The system calls on a driver's files.  The numbers of open files are separate from the host's, in one table for the process.
 * A wait that a signal ends gives -EINTR; the signals that were pending count as delivered then. */
KMEM_API int kmem_driver_open(const char* path, int flags) KMEM_NOTHROW;
/** Opens a device by its number, without a node. */
KMEM_API int kmem_driver_open_device(unsigned major, unsigned minor, int flags) KMEM_NOTHROW;
KMEM_API int kmem_driver_close(int fd) KMEM_NOTHROW;
KMEM_API int kmem_driver_dup(int fd) KMEM_NOTHROW;
KMEM_API ssize_t kmem_driver_read(int fd, void* buffer, size_t n) KMEM_NOTHROW;
KMEM_API ssize_t kmem_driver_write(int fd, const void* buffer, size_t n) KMEM_NOTHROW;
KMEM_API ssize_t kmem_driver_pread(int fd, void* buffer, size_t n, off_t at) KMEM_NOTHROW;
KMEM_API ssize_t kmem_driver_pwrite(int fd, const void* buffer, size_t n, off_t at) KMEM_NOTHROW;
KMEM_API ssize_t kmem_driver_readv(int fd, const struct iovec* pieces, int n) KMEM_NOTHROW;
KMEM_API ssize_t kmem_driver_writev(int fd, const struct iovec* pieces, int n) KMEM_NOTHROW;
KMEM_API off_t kmem_driver_lseek(int fd, off_t offset, int whence) KMEM_NOTHROW;
KMEM_API long kmem_driver_ioctl(int fd, unsigned command, unsigned long argument) KMEM_NOTHROW;
/** F_GETFL, F_SETFL (O_APPEND, O_NONBLOCK, O_ASYNC), F_GETOWN, F_SETOWN, F_DUPFD. The ioctls FIONBIO and FIOASYNC do not reach
 *  the driver, as in the kernel. */
KMEM_API int kmem_driver_fcntl(int fd, int command, long argument) KMEM_NOTHROW;
KMEM_API int kmem_driver_fsync(int fd) KMEM_NOTHROW;
KMEM_API int kmem_driver_fdatasync(int fd) KMEM_NOTHROW;
KMEM_API int kmem_driver_fallocate(int fd, int mode, off_t offset, off_t length) KMEM_NOTHROW;
/** All of the files must be a driver's; the time-out is in milliseconds of the driver's clock, -1 for none. */
KMEM_API int kmem_driver_poll(struct pollfd* files, unsigned n, int timeout_ms) KMEM_NOTHROW;
/** mmap() for a program that sees the driver's pages at `start`: all pages that the driver maps or its fault() supplies. On
 *  failure NULL, and the error. The mapping holds a reference to the file. */
struct kmem_driver_mapping;
KMEM_API struct kmem_driver_mapping* kmem_driver_mmap(int fd, unsigned long start, size_t bytes, int prot, int flags,
                                                      off_t offset, int* error) KMEM_NOTHROW;
/** The address of the n-th page in this process; NULL: an access is a bus error. */
KMEM_API const void* kmem_driver_mapping_page(const struct kmem_driver_mapping* mapping, unsigned long n) KMEM_NOTHROW;
KMEM_API void kmem_driver_munmap(struct kmem_driver_mapping* mapping) KMEM_NOTHROW;
/** woken(data) is called whenever the open file may have become ready for something else, in any context; it must not sleep,
 *  nor call anything of the file.  Between the two the file stays open.  NULL: no such file, or no memory. */
struct kmem_driver_watch;
KMEM_API struct kmem_driver_watch* kmem_driver_watch_begin(int fd, void (*woken)(void* data), void* data) KMEM_NOTHROW;
/** The events that are ready now, from the driver's poll(). */
KMEM_API unsigned kmem_driver_watch_events(struct kmem_driver_watch* watch) KMEM_NOTHROW;
KMEM_API void kmem_driver_watch_end(struct kmem_driver_watch* watch) KMEM_NOTHROW;
/** Signals of kill_fasync() go to the owner's thread or process by the host's kill(), unless this is set. */
KMEM_API void kmem_driver_on_async(void (*notify)(int owner, int signal, int fd, int band)) KMEM_NOTHROW;
/** Registers a callback for each kobject_uevent(): "ACTION=add" and so on. */
KMEM_API void kmem_driver_on_uevent(void (*told)(const char* const* variables, int n)) KMEM_NOTHROW;
/** Sets what capable() returns for the calling thread's tasks: bit n for capability n. Initially all. */
KMEM_API void kmem_driver_set_capable(unsigned long long capabilities) KMEM_NOTHROW;

/** Lock checking: on at first. */
KMEM_API void kmem_driver_lockdep(int on) KMEM_NOTHROW;
/** Forgets all locks and orders seen so far; no lock may be held. */
KMEM_API void kmem_driver_lockdep_reset(void) KMEM_NOTHROW;

/** The calling object's own module. */
#define kmem_driver_insmod(parameters) kmem_driver_load(&kmem_this_module, parameters)
#define kmem_driver_rmmod() kmem_driver_unload(&kmem_this_module)

KMEM_END_C

#endif
