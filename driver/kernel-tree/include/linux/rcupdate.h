/* Adds what the kernel's <linux/rcupdate.h> has for its lists and its checker. */
#include_next <linux/rcupdate.h>
#ifndef KMEM_TREE_LINUX_RCUPDATE_H
#define KMEM_TREE_LINUX_RCUPDATE_H
/* The condition is for lockdep, and ignored without it. */
#undef rcu_dereference_protected
#define rcu_dereference_protected(pointer, condition) __atomic_load_n(&(pointer), __ATOMIC_RELAXED)
#undef rcu_dereference_check
#define rcu_dereference_check(pointer, condition) rcu_dereference(pointer)
#ifndef rcu_dereference_raw
#define rcu_dereference_raw(pointer) rcu_dereference(pointer)
#endif
#ifndef rcu_dereference_raw_check
#define rcu_dereference_raw_check(pointer) rcu_dereference(pointer)
#endif
#ifndef RCU_LOCKDEP_WARN
#define RCU_LOCKDEP_WARN(condition, text) ((void)0)
#endif
#ifndef rcu_lock_acquire
#define rcu_lock_acquire(map) ((void)0)
#define rcu_lock_release(map) ((void)0)
#endif
#ifndef rcu_head_after_call_rcu
#define rcu_head_after_call_rcu(head, function) ((head)->func == (function))
#endif
#ifndef cond_resched_rcu
#define cond_resched_rcu() ((void)0)
#endif
#ifndef SINGLE_DEPTH_NESTING
#define SINGLE_DEPTH_NESTING 1
#endif
#ifndef rcu_replace_pointer
#define rcu_replace_pointer(pointer, value, condition)          \
  __extension__({                                               \
    __typeof__(pointer) kmem_old = rcu_access_pointer(pointer); \
    rcu_assign_pointer((pointer), (value));                     \
    kmem_old;                                                   \
  })
#endif
#ifndef rcu_head_init
#define rcu_head_init(head) ((void)((head)->func = NULL))
#endif
#ifndef RCU_INITIALIZER
#define RCU_INITIALIZER(pointer) (pointer)
#endif
#ifndef rcu_read_lock_bh
#define rcu_read_lock_bh() (local_bh_disable(), rcu_read_lock())
#define rcu_read_unlock_bh() (rcu_read_unlock(), local_bh_enable())
#define rcu_read_lock_sched() rcu_read_lock()
#define rcu_read_unlock_sched() rcu_read_unlock()
#define rcu_dereference_bh(pointer) rcu_dereference(pointer)
#define rcu_dereference_sched(pointer) rcu_dereference(pointer)
#define rcu_dereference_bh_check(pointer, condition) rcu_dereference(pointer)
#define rcu_dereference_sched_check(pointer, condition) rcu_dereference(pointer)
#define rcu_read_lock_any_held() rcu_read_lock_held()
#define rcu_read_lock_bh_held() rcu_read_lock_held()
#define rcu_read_lock_sched_held() rcu_read_lock_held()
#endif
#endif
