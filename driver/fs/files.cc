// The table of open files: open, close, dup.

#include "fs/files.h"

#include <stdio.h>
#include <string.h>

#include <kmem/driver.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "lock/lockdep.h"
#include "print/mistakes.h"

namespace kmem_driver {
namespace {

constexpr int kMost = 4096;
constinit unsigned guard_word = 0;
constinit file* table[kMost] = {};

file* take_out(int fd) {
  Guard hold(guard_word);
  if (fd < 0 || fd >= kMost) return nullptr;
  file* f = table[fd];
  table[fd] = nullptr;
  return f;
}

fmode_t mode_of(int flags) {
  const int access = flags & O_ACCMODE;
  const fmode_t mode = access == O_RDONLY ? FMODE_READ : access == O_WRONLY ? FMODE_WRITE : FMODE_READ | FMODE_WRITE;
  return mode | FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
}

file* make_file(Node* node, int flags) {
  auto* f = static_cast<file*>(kzalloc(sizeof(file), GFP_KERNEL));
  if (!f) return nullptr;
  f->f_inode = &node->inode;
  f->f_path.dentry = &node->dentry;
  f->f_flags = static_cast<unsigned>(flags) & ~static_cast<unsigned>(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
  f->f_mode = mode_of(flags);
  f->f_cred = current_cred();
  f->kmem_users = 1;
  mutex_init(&f->f_pos_lock);
  spin_lock_init(&f->f_lock);
  return f;
}

bool is_device(const Node* node) { return S_ISCHR(node->inode.i_mode); }

/// The operations, with a user of their module.
const file_operations* operations_of(Node* node, int* error) {
  if (is_device(node)) return operations_of_device(&node->inode, error);
  const file_operations* operations = fops_get(node->inode.i_fop);
  *error = operations ? 0 : -ENXIO;
  return operations;
}

/// The permissions of files of /proc and /sys are checked.
bool is_allowed(const Node* node, fmode_t mode) {
  const umode_t bits = node->inode.i_mode;
  return is_device(node) || ((!(mode & FMODE_READ) || (bits & S_IRUGO)) && (!(mode & FMODE_WRITE) || (bits & S_IWUGO)));
}

void forget(file* f, Node* node) {
  fops_put(f->f_op);
  if (is_device(node)) device_closed(&node->inode);
}

int run_open(file* f, Node* node) {
  int error;
  f->f_op = operations_of(node, &error);
  if (error) return error;
  if (enter_node(node)) {
    if (f->f_op->open) error = f->f_op->open(&node->inode, f);
    leave_node(node);
  } else {
    error = -ENOENT;
  }
  if (error) forget(f, node);
  return error;
}

/// Called after the last reference was dropped.
void release(file* f) {
  Node* node = node_of(f);
  if ((f->f_flags & O_ASYNC) && f->f_op->fasync) f->f_op->fasync(-1, f, 0);
  if (f->f_op->release) f->f_op->release(&node->inode, f);
  forget(f, node);
  put_node(node);
  kfree(f);
}

/// Reports once a driver that returns with preemption off or holding a lock, and restores the state.
void check_left_behind(task_struct* task) {
  const int count = preempt_count();
  if (count) {
    count_mistake();
    printk(KERN_ERR "BUG: %s/%d returns to user space with preempt_count 0x%08x\n", task->comm, task->pid,
           static_cast<unsigned>(count));
    preempt_count_sub(count);
  }
  lockdep::check_none_held();
}

}  // namespace

Node* node_of(const file* f) { return static_cast<Node*>(f->f_inode->kmem_node); }

file* open_node(Node* node, int flags) {
  int error = is_allowed(node, mode_of(flags)) ? 0 : -EACCES;
  file* f = error ? nullptr : make_file(node, flags);
  if (!f && !error) error = -ENOMEM;
  if (!error) error = run_open(f, node);
  if (!error) return f;
  kfree(f);
  put_node(node);
  return static_cast<file*>(ERR_PTR(error));
}

int number_of(file* f) {
  Guard hold(guard_word);
  for (int fd = 0; fd < kMost; ++fd) {
    if (table[fd]) continue;
    table[fd] = f;
    return fd;
  }
  return -EMFILE;
}

static int open_as(Node* node, int flags) {
  file* f = open_node(node, flags);
  const bool failed = IS_ERR(f);
  check_left_behind(get_current());
  if (failed) return static_cast<int>(Call::seen(PTR_ERR(f)));
  const int fd = number_of(f);
  if (fd < 0) fput(f);
  return fd;
}

Call::Call(int fd) : file_(fd < 0 ? nullptr : fget(static_cast<unsigned>(fd))), entered_(file_ && enter_node(node_of(file_))) {}

Call::~Call() {
  if (entered_) leave_node(node_of(file_));
  if (!file_) return;
  fput(file_);
  check_left_behind(get_current());
}

long Call::seen(long result) {
  if (result != -ERESTARTSYS && result != -ERESTARTNOINTR && result != -ERESTARTNOHAND && result != -ERESTART_RESTARTBLOCK) {
    // The effect of a handler that ran during the call ends with it.
    __atomic_and_fetch(&get_current()->kmem_signals, ~kHandlerRan, __ATOMIC_SEQ_CST);
    return result;
  }
  flush_signals(get_current());
  return get_current()->kmem_forwards ? result : -EINTR;
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

file* fget(unsigned int fd) noexcept {
  Guard hold(guard_word);
  if (fd >= kMost || !table[fd]) return nullptr;
  return get_file(table[fd]);
}

void fput(file* f) noexcept {
  if (!__atomic_sub_fetch(&f->kmem_users, 1, __ATOMIC_ACQ_REL)) release(f);
}

int kmem_driver_open(const char* path, int flags) noexcept {
  Node* node = find_node(path);
  return node ? open_as(node, flags) : -ENOENT;
}

int kmem_driver_open_device(unsigned major, unsigned minor, int flags) noexcept {
  static unsigned long number = 0;
  char path[64];
  // Makes a private node that cannot be found by others.
  snprintf(path, sizeof(path), "/.device/%u:%u/%lu", major, minor, __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED));
  if (const int error = kmem_driver_mknod(path, S_IFCHR | 0666, major, minor)) return error;
  Node* node = find_node(path);
  remove_node(path);
  return open_as(node, flags);
}

int kmem_driver_close(int fd) noexcept {
  file* f = take_out(fd);
  if (!f) return -EBADF;
  const int error = f->f_op->flush ? f->f_op->flush(f, nullptr) : 0;
  fput(f);
  check_left_behind(get_current());
  return error;
}

int kmem_driver_dup(int fd) noexcept {
  file* f = fd < 0 ? nullptr : fget(static_cast<unsigned>(fd));
  if (!f) return -EBADF;
  const int other = number_of(f);
  if (other < 0) fput(f);
  return other;
}

}  // extern "C"
