#ifndef KMEM_LINUX_POLL_H
#define KMEM_LINUX_POLL_H
/* The events a file is ready for, and waiting for a change of them.  poll() of a driver may be called in an epoll's wake-up as
 * well, so it does not sleep.  Meaning: the kernel's <linux/poll.h>. */
#include <linux/fs.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <poll.h>

#ifndef EPOLLIN
#define EPOLLIN 0x00000001u
#define EPOLLPRI 0x00000002u
#define EPOLLOUT 0x00000004u
#define EPOLLERR 0x00000008u
#define EPOLLHUP 0x00000010u
#define EPOLLNVAL 0x00000020u
#define EPOLLRDNORM 0x00000040u
#define EPOLLRDBAND 0x00000080u
#define EPOLLWRNORM 0x00000100u
#define EPOLLWRBAND 0x00000200u
#define EPOLLMSG 0x00000400u
#define EPOLLRDHUP 0x00002000u
#endif
#ifndef POLLRDNORM
#define POLLRDNORM 0x0040
#define POLLRDBAND 0x0080
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200
#endif
#ifndef POLLRDHUP
#define POLLRDHUP 0x2000
#endif
#define POLLFREE 0x4000u
#define DEFAULT_POLLMASK (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)

struct poll_table_struct;
typedef void (*poll_queue_proc)(struct file* file, wait_queue_head_t* queue, struct poll_table_struct* table);
typedef struct poll_table_struct {
  poll_queue_proc _qproc; /* NULL: the caller does not wait */
  __poll_t _key;
} poll_table;

KMEM_BEGIN_C
static inline void poll_wait(struct file* file, wait_queue_head_t* queue, poll_table* table) {
  if (table && table->_qproc && queue) table->_qproc(file, queue, table);
}
static inline bool poll_does_not_wait(const poll_table* table) { return !table || !table->_qproc; }
static inline __poll_t poll_requested_events(const poll_table* table) { return table ? table->_key : ~(__poll_t)0; }
static inline void init_poll_funcptr(poll_table* table, poll_queue_proc proc) {
  table->_qproc = proc;
  table->_key = ~(__poll_t)0;
}
static inline bool file_can_poll(struct file* file) { return file->f_op->poll != NULL; }
static inline __poll_t vfs_poll(struct file* file, poll_table* table) {
  return file->f_op->poll ? file->f_op->poll(file, table) : (__poll_t)DEFAULT_POLLMASK;
}
KMEM_END_C
#endif
