// Lists that are walked while entries come and go.

#include <linux/bug.h>
#include <linux/klist.h>
#include <linux/sched.h>

namespace {

/// A task in klist_remove(), on its stack; the list of them all is under `waiters_lock`.
struct Waiter {
  Waiter* next;
  klist_node* node;
  task_struct* task;
  bool done;
};
DEFINE_SPINLOCK(waiters_lock);
constinit Waiter* waiters = nullptr;

constexpr unsigned long kDeleted = 1;

klist* list_of(const klist_node* n) {
  return reinterpret_cast<klist*>(reinterpret_cast<unsigned long>(n->n_klist) & ~kDeleted);
}
bool is_deleted(const klist_node* n) { return (reinterpret_cast<unsigned long>(n->n_klist) & kDeleted) != 0; }

void mark_deleted(klist_node* n) {
  WARN(is_deleted(n), "an entry of a klist is deleted twice");
  n->n_klist = reinterpret_cast<void*>(reinterpret_cast<unsigned long>(list_of(n)) | kDeleted);
}

/// Takes the task off that waits for the entry, if there is one.
void wake_remover(const klist_node* n) {
  unsigned long flags;
  spin_lock_irqsave(&waiters_lock, flags);
  for (Waiter** at = &waiters; *at;) {
    Waiter* w = *at;
    if (w->node != n) {
      at = &w->next;
      continue;
    }
    *at = w->next;
    task_struct* task = w->task;
    __atomic_store_n(&w->done, true, __ATOMIC_RELEASE);  // the waiter may be gone from here on; its task is waking
    wake_up_process(task);
  }
  spin_unlock_irqrestore(&waiters_lock, flags);
}

/// Under the list's lock, with the last reference gone: the entry leaves the list.
void leave(kref* ref) {
  klist_node* n = container_of(ref, klist_node, n_ref);
  WARN_ON(!is_deleted(n));
  list_del(&n->n_node);
  n->n_klist = nullptr;
  wake_remover(n);  // who waits for it may free it, or add it again, from here on
}
/// True: it has left the list, and put() is due.
bool drop(klist_node* n) { return kref_put(&n->n_ref, leave) != 0; }

void begin(klist* list, klist_node* n) {
  INIT_LIST_HEAD(&n->n_node);
  kref_init(&n->n_ref);
  n->n_klist = list;
  if (list->get) list->get(n);
}

void add(klist* list, klist_node* n, void (*link)(list_head*, list_head*), list_head* at) {
  begin(list, n);
  spin_lock(&list->k_lock);
  link(&n->n_node, at);
  spin_unlock(&list->k_lock);
}

enum class End : bool { Still_walked, Deleted };

/// Drops a reference; `end` says whether the entry is deleted too.
void put(klist_node* n, End end) {
  klist* list = list_of(n);
  void (*put_entry)(klist_node*) = list->put;
  spin_lock(&list->k_lock);
  if (end == End::Deleted) mark_deleted(n);
  if (!drop(n)) put_entry = nullptr;
  spin_unlock(&list->k_lock);
  if (put_entry) put_entry(n);
}

void add_waiter(Waiter& w) {
  unsigned long flags;
  spin_lock_irqsave(&waiters_lock, flags);
  w.next = waiters;
  waiters = &w;
  spin_unlock_irqrestore(&waiters_lock, flags);
}

klist_node* entry_of(list_head* links) { return container_of(links, klist_node, n_node); }

/// One step in a direction: from the entry that the walk stands on, or from the end, to the next that is not deleted.
klist_node* step(klist_iter* walk, list_head* (*following)(list_head*)) {
  klist* list = walk->i_klist;
  klist_node* const last = walk->i_cur;
  unsigned long flags;
  spin_lock_irqsave(&list->k_lock, flags);
  list_head* at = following(last ? &last->n_node : &list->k_list);
  const bool left = last && drop(last);
  while (at != &list->k_list && is_deleted(entry_of(at))) at = following(at);
  walk->i_cur = at == &list->k_list ? nullptr : entry_of(at);
  if (walk->i_cur) kref_get(&walk->i_cur->n_ref);
  spin_unlock_irqrestore(&list->k_lock, flags);
  if (left && list->put) list->put(last);
  return walk->i_cur;
}

}  // namespace

extern "C" {

void klist_init(klist* list, void (*get)(klist_node*), void (*put_entry)(klist_node*)) noexcept {
  INIT_LIST_HEAD(&list->k_list);
  spin_lock_init(&list->k_lock);
  list->get = get;
  list->put = put_entry;
}

void klist_add_head(klist_node* n, klist* list) noexcept { add(list, n, list_add, &list->k_list); }
void klist_add_tail(klist_node* n, klist* list) noexcept { add(list, n, list_add_tail, &list->k_list); }
void klist_add_behind(klist_node* n, klist_node* at) noexcept { add(list_of(at), n, list_add, &at->n_node); }
void klist_add_before(klist_node* n, klist_node* at) noexcept { add(list_of(at), n, list_add_tail, &at->n_node); }

void klist_del(klist_node* n) noexcept { put(n, End::Deleted); }

void klist_remove(klist_node* n) noexcept {
  Waiter w = {nullptr, n, get_current(), false};
  add_waiter(w);
  klist_del(n);
  for (;;) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    if (__atomic_load_n(&w.done, __ATOMIC_ACQUIRE)) break;
    schedule();
  }
  __set_current_state(TASK_RUNNING);
}

int klist_node_attached(klist_node* n) noexcept { return n->n_klist != nullptr; }

void klist_iter_init_node(klist* list, klist_iter* walk, klist_node* from) noexcept {
  walk->i_klist = list;
  walk->i_cur = from && kref_get_unless_zero(&from->n_ref) ? from : nullptr;
}
void klist_iter_init(klist* list, klist_iter* walk) noexcept { klist_iter_init_node(list, walk, nullptr); }

void klist_iter_exit(klist_iter* walk) noexcept {
  if (walk->i_cur) put(walk->i_cur, End::Still_walked);
  walk->i_cur = nullptr;
}

klist_node* klist_next(klist_iter* walk) noexcept {
  return step(walk, [](list_head* at) { return at->next; });
}
klist_node* klist_prev(klist_iter* walk) noexcept {
  return step(walk, [](list_head* at) { return at->prev; });
}

}  // extern "C"
