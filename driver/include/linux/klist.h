#ifndef KMEM_LINUX_KLIST_H
#define KMEM_LINUX_KLIST_H
/* Lists that are walked while entries come and go: a walker has a reference to the entry that it stands on, and holds no lock
 * while it looks at it.  An entry that is deleted is passed over from then on, and leaves the list when the last
 * walker has left it.
 *
 * get() is called before an entry comes into a list, and put() when it has left it, both without the list's lock; they keep the
 * object that the entry is embedded in.  klist_remove() sleeps: task context; the others: task context too, where put() sleeps.
 *
 * Meaning: the kernel's <linux/klist.h>. */
#include <kmem/driver_face.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>

struct klist_node;
struct klist {
  spinlock_t k_lock;
  struct list_head k_list;
  void (*get)(struct klist_node* node);
  void (*put)(struct klist_node* node);
} __attribute__((__aligned__(sizeof(void*))));
struct klist_node {
  void* n_klist; /* its list; the lowest bit says that it is deleted */
  struct list_head n_node;
  struct kref n_ref;
};
struct klist_iter {
  struct klist* i_klist;
  struct klist_node* i_cur;
};

#define KLIST_INIT(name, get_entry, put_entry) \
  { __SPIN_LOCK_UNLOCKED(name.k_lock), LIST_HEAD_INIT(name.k_list), get_entry, put_entry }
#define DEFINE_KLIST(name, get_entry, put_entry) struct klist name = KLIST_INIT(name, get_entry, put_entry)

KMEM_BEGIN_C
/** get and put may be NULL. */
KMEM_API void klist_init(struct klist* list, void (*get)(struct klist_node* node), void (*put)(struct klist_node* node))
    KMEM_DRIVER_NAME(klist_init);
KMEM_API void klist_add_tail(struct klist_node* node, struct klist* list) KMEM_DRIVER_NAME(klist_add_tail);
KMEM_API void klist_add_head(struct klist_node* node, struct klist* list) KMEM_DRIVER_NAME(klist_add_head);
KMEM_API void klist_add_behind(struct klist_node* node, struct klist_node* at) KMEM_DRIVER_NAME(klist_add_behind);
KMEM_API void klist_add_before(struct klist_node* node, struct klist_node* at) KMEM_DRIVER_NAME(klist_add_before);
/** Deletes the entry, and returns though walkers may still stand on it.  A second time is reported. */
KMEM_API void klist_del(struct klist_node* node) KMEM_DRIVER_NAME(klist_del);
/** Deletes the entry, and waits until it has left the list: not to be called by a walker that stands on it. */
KMEM_API void klist_remove(struct klist_node* node) KMEM_DRIVER_NAME(klist_remove);
/** Is it in a list, deleted or not? */
KMEM_API int klist_node_attached(struct klist_node* node) KMEM_DRIVER_NAME(klist_node_attached);

/** A walk from one end, or from an entry (NULL, or one that has left its list: from the end). */
KMEM_API void klist_iter_init(struct klist* list, struct klist_iter* walk) KMEM_DRIVER_NAME(klist_iter_init);
KMEM_API void klist_iter_init_node(struct klist* list, struct klist_iter* walk, struct klist_node* from)
    KMEM_DRIVER_NAME(klist_iter_init_node);
/** Ends a walk; needed where it has not reached the end. */
KMEM_API void klist_iter_exit(struct klist_iter* walk) KMEM_DRIVER_NAME(klist_iter_exit);
/** The next entry that is not deleted; NULL at the end. */
KMEM_API struct klist_node* klist_next(struct klist_iter* walk) KMEM_DRIVER_NAME(klist_next);
KMEM_API struct klist_node* klist_prev(struct klist_iter* walk) KMEM_DRIVER_NAME(klist_prev);
KMEM_END_C
#endif
