// The table of nodes.

#include "fs/nodes.h"

#include <string.h>

#include <kmem/driver.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>

namespace kmem_driver {
namespace {

constinit unsigned guard_word = 0;
constinit Node* first = nullptr;
constinit unsigned long last_number = 0;
DECLARE_WAIT_QUEUE_HEAD(calls_end);

Node* find_locked(const char* path) {
  Node* n = first;
  while (n && strcmp(n->path, path) != 0) n = n->next;
  return n;
}

void unlink_locked(Node* node) {
  Node** at = &first;
  while (*at != node) at = &(*at)->next;
  *at = node->next;
}

void fill(Node* node, umode_t mode, dev_t dev, const file_operations* operations, void* data) {
  node->users = 1;
  inode& i = node->inode;
  i.i_mode = mode;
  i.i_rdev = dev;
  i.i_fop = operations;
  i.i_private = data;
  i.i_ino = ++last_number;
  i.kmem_node = node;
  init_rwsem(&i.i_rwsem);
  spin_lock_init(&i.i_lock);
  node->dentry.d_inode = &i;
  const char* slash = strrchr(node->path, '/');
  const char* name = slash ? slash + 1 : node->path;
  node->dentry.d_name.name = reinterpret_cast<const unsigned char*>(name);
  node->dentry.d_name.len = static_cast<unsigned>(strlen(name));
}

Node* make(const char* path) {
  auto* node = static_cast<Node*>(kzalloc(sizeof(Node), GFP_KERNEL));
  if (!node) return nullptr;
  node->path = kstrdup(path, GFP_KERNEL);
  if (node->path) return node;
  kfree(node);
  return nullptr;
}

bool is_device(const Node* node) { return S_ISCHR(node->inode.i_mode) || S_ISBLK(node->inode.i_mode); }

/// A call may remove its own node, so the calling task's call does not count.
void wait_for_calls(Node* node) {
  if (!is_device(node)) wait_event(calls_end, __atomic_load_n(&node->calls, __ATOMIC_SEQ_CST) == 0);
  put_node(node);
}

bool is_below(const char* path, const char* folder) {
  const size_t n = strlen(folder);
  return !strncmp(path, folder, n) && (path[n] == '/' || !path[n]);
}

Node* take_one_below(const char* folder) {
  Guard hold(guard_word);
  for (Node* n = first; n; n = n->next) {
    if (!is_below(n->path, folder)) continue;
    unlink_locked(n);
    __atomic_store_n(&n->gone, true, __ATOMIC_SEQ_CST);
    return n;
  }
  return nullptr;
}

}  // namespace

int add_node(const char* path, umode_t mode, dev_t dev, const file_operations* operations, void* data, Node** added) {
  Node* node = make(path);
  if (!node) return -ENOMEM;
  {
    Guard hold(guard_word);
    if (!find_locked(path)) {
      fill(node, mode, dev, operations, data);
      node->next = first;
      first = node;
      if (added) *added = node;
      return 0;
    }
  }
  kfree(node->path);
  kfree(node);
  return -EEXIST;
}

bool remove_node(const char* path) {
  Node* node;
  {
    Guard hold(guard_word);
    node = find_locked(path);
    if (!node) return false;
    unlink_locked(node);
    __atomic_store_n(&node->gone, true, __ATOMIC_SEQ_CST);
  }
  wait_for_calls(node);
  return true;
}

void remove_nodes_below(const char* path) {
  while (Node* node = take_one_below(path)) wait_for_calls(node);
}

Node* find_node(const char* path) {
  Guard hold(guard_word);
  Node* node = find_locked(path);
  if (node) __atomic_add_fetch(&node->users, 1, __ATOMIC_RELAXED);
  return node;
}

void put_node(Node* node) {
  if (__atomic_sub_fetch(&node->users, 1, __ATOMIC_ACQ_REL)) return;
  if (node->freed) node->freed(node);
  kfree(node->path);
  kfree(node);
}

bool each_node(const char* folder, bool (*visit)(const Node*, void*), void* data) {
  Guard hold(guard_word);
  for (const Node* n = first; n; n = n->next)
    if (is_below(n->path, folder) && visit(n, data)) return true;
  return false;
}

bool enter_node(Node* node) {
  __atomic_add_fetch(&node->calls, 1, __ATOMIC_SEQ_CST);
  if (is_device(node) || !__atomic_load_n(&node->gone, __ATOMIC_SEQ_CST)) return true;
  leave_node(node);
  return false;
}

void leave_node(Node* node) {
  if (!__atomic_sub_fetch(&node->calls, 1, __ATOMIC_SEQ_CST) && __atomic_load_n(&node->gone, __ATOMIC_SEQ_CST))
    wake_up_all(&calls_end);
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

int kmem_driver_mknod(const char* path, unsigned mode, unsigned major, unsigned minor) noexcept {
  if (!S_ISCHR(mode) && !S_ISBLK(mode)) return -EINVAL;
  return add_node(path, static_cast<umode_t>(mode), MKDEV(major, minor), nullptr, nullptr);
}

int kmem_driver_unlink(const char* path) noexcept { return remove_node(path) ? 0 : -ENOENT; }

int kmem_driver_each_node(const char* folder, int (*visit)(const char*, unsigned, unsigned, unsigned, void*),
                          void* data) noexcept {
  struct Visit {
    int (*visit)(const char*, unsigned, unsigned, unsigned, void*);
    void* data;
  } what = {visit, data};
  return each_node(
      folder,
      [](const Node* n, void* w) {
        const auto* v = static_cast<Visit*>(w);
        return v->visit(n->path, n->inode.i_mode, imajor(&n->inode), iminor(&n->inode), v->data) != 0;
      },
      &what);
}

}  // extern "C"
