#pragma once
// The nodes of /dev, /proc, /sys: a path, and its operations.

#include <linux/fs.h>
#include <linux/gfp.h>

#include "lock/queued.h"

namespace kmem_driver {

/// A node. It exists until it is removed and no file of it is open.
struct Node {
  Node* next;
  char* path;
  struct inode inode;
  struct dentry dentry;
  int users;  // references: of the table, and of open files
  int calls;  // running calls
  bool gone;  // removed: further calls are refused, except for devices
  void (*freed)(Node*);
};

/// 0; -EEXIST, -ENOMEM.  `node` may be null.
int add_node(const char* path, umode_t mode, dev_t dev, const file_operations* operations, void* data, Node** node = nullptr);
/// For the path of what is removed or told: neither can fail.
constexpr gfp_t kCannotFail = GFP_KERNEL | __GFP_NOFAIL;

/// Removes the node and waits until no call of it runs. False: there is no such node.
bool remove_node(const char* path);
/// Removes the node and all below it.
void remove_nodes_below(const char* path);
/// Finds a node, with a reference; null if there is none.
Node* find_node(const char* path);
void put_node(Node* node);
/// Calls visit() for each node below `folder` until it returns true.
bool each_node(const char* folder, bool (*visit)(const Node* node, void* data), void* data);

/// Must surround each call of an open file. False: the node was removed.
bool enter_node(Node* node);
void leave_node(Node* node);

/// The operations for a device number, with a reference to their module; sets `error` on failure.
const file_operations* operations_of_device(inode* inode, int* error);
/// Called when a file of that number is closed.
void device_closed(inode* inode);
const char* name_of_major(unsigned major);
/// Calls visit() with each range of numbers of that major that was given out, the first first.
void each_region(unsigned major, void (*visit)(unsigned major, const char* name, void* data), void* data);

}  // namespace kmem_driver
