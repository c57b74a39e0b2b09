#ifndef KMEM_TREE_LINUX_THREAD_INFO_H
#define KMEM_TREE_LINUX_THREAD_INFO_H
/* A task is a thread of the host, and has no thread_info flags. */
#include <linux/bug.h>
#include <linux/sched.h>
#include <linux/types.h>
static inline bool check_copy_size(const void* address, size_t bytes, bool is_source) {
  (void)address, (void)bytes, (void)is_source;
  return true;
}
#define test_thread_flag(flag) 0
#define check_object_size(address, bytes, to_user) ((void)0)
#endif
