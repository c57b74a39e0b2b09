// Files of /proc.

#include <string.h>

#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fs/files.h"

namespace {

using namespace kmem_driver;

proc_dir_entry* entry_of(const inode* i) { return static_cast<proc_dir_entry*>(i->i_private); }

char* path_of(const char* name, const proc_dir_entry* parent, gfp_t flags) {
  return kmem_driver_kasprintf(flags, "%s/%s", parent ? parent->kmem_path : "/proc", name);
}

proc_dir_entry* make(const char* name, const proc_dir_entry* parent) {
  auto* e = static_cast<proc_dir_entry*>(kzalloc(sizeof(proc_dir_entry), GFP_KERNEL));
  if (!e) return nullptr;
  e->kmem_path = path_of(name, parent, GFP_KERNEL);
  if (e->kmem_path) return e;
  kfree(e);
  return nullptr;
}

void free_entry(proc_dir_entry* e) {
  kfree(e->kmem_path);
  kfree(e);
}
void free_node(Node* node) { free_entry(entry_of(&node->inode)); }

proc_dir_entry* add(proc_dir_entry* e, umode_t mode) {
  if (!(mode & S_IFMT)) mode |= S_IFREG;
  if (!(mode & S_IRWXUGO)) mode |= S_IRUGO;
  Node* node;
  if (add_node(e->kmem_path, mode, 0, &e->kmem_operations, e, &node)) {
    free_entry(e);
    return nullptr;
  }
  node->freed = free_node;
  return e;
}

file_operations from_proc_ops(const proc_ops& p) {
  file_operations o = {};
  o.open = p.proc_open;
  o.read = p.proc_read;
  o.read_iter = p.proc_read_iter;
  o.write = p.proc_write;
  o.llseek = p.proc_lseek;
  o.release = p.proc_release;
  o.poll = p.proc_poll;
  o.unlocked_ioctl = p.proc_ioctl;
  o.mmap = p.proc_mmap;
  return o;
}

int open_single(inode* i, file* f) { return single_open(f, entry_of(i)->kmem_show, entry_of(i)->data); }
int open_seq(inode* i, file* f) {
  const proc_dir_entry* e = entry_of(i);
  if (e->kmem_state_size) return seq_open_private(f, e->kmem_seq, static_cast<int>(e->kmem_state_size));
  return seq_open(f, e->kmem_seq);
}

/// 2.6: the operations are set after the entry was created, so they are looked up when it is opened.
int open_old(inode* i, file* f) {
  const proc_dir_entry* e = entry_of(i);
  if (!e->proc_fops) return 0;
  f->f_op = e->proc_fops;
  return f->f_op->open ? f->f_op->open(i, f) : 0;
}

ssize_t read_old(file* f, char* buffer, size_t n, loff_t* position) {
  const proc_dir_entry* e = entry_of(f->f_inode);
  if (!e->read_proc) return -EIO;
  char* page = reinterpret_cast<char*>(get_zeroed_page(GFP_KERNEL));
  if (!page) return -ENOMEM;
  int eof = 0;
  char* start = nullptr;
  const int room = static_cast<int>(n < PAGE_SIZE - 1024 ? n : PAGE_SIZE - 1024);
  ssize_t have = e->read_proc(page, &start, *position, room, &eof, e->data);
  if (have > 0 && !start) {  // the whole text: return the part behind the position
    start = page + *position;
    have -= *position;
  }
  if (have > static_cast<ssize_t>(n)) have = static_cast<ssize_t>(n);
  if (have > 0) {
    if (copy_to_user(buffer, start, static_cast<size_t>(have))) have = -EFAULT;
    else *position += have;
  } else if (have < 0 && !start) {
    have = have < -MAX_ERRNO ? 0 : have;
  }
  free_page(reinterpret_cast<unsigned long>(page));
  return have;
}

}  // namespace

extern "C" {

proc_dir_entry* proc_mkdir(const char* name, proc_dir_entry* parent) noexcept {
  proc_dir_entry* e = make(name, parent);
  return e ? add(e, S_IFDIR | 0555) : nullptr;
}

proc_dir_entry* kmem_driver_proc_create(const char* name, umode_t mode, proc_dir_entry* parent, const proc_ops* operations,
                                        void* data) noexcept {
  proc_dir_entry* e = make(name, parent);
  if (!e) return nullptr;
  e->kmem_operations = from_proc_ops(*operations);
  e->data = data;
  return add(e, mode);
}

proc_dir_entry* kmem_driver_proc_create_fops(const char* name, umode_t mode, proc_dir_entry* parent,
                                             const file_operations* operations, void* data) noexcept {
  proc_dir_entry* e = make(name, parent);
  if (!e) return nullptr;
  e->kmem_operations = *operations;
  e->data = data;
  return add(e, mode);
}

proc_dir_entry* proc_create_single_data(const char* name, umode_t mode, proc_dir_entry* parent, int (*show)(seq_file*, void*),
                                        void* data) noexcept {
  proc_dir_entry* e = make(name, parent);
  if (!e) return nullptr;
  e->kmem_show = show;
  e->data = data;
  e->kmem_operations.open = open_single;
  e->kmem_operations.read = seq_read;
  e->kmem_operations.llseek = seq_lseek;
  e->kmem_operations.release = single_release;
  return add(e, mode);
}

proc_dir_entry* proc_create_seq_private(const char* name, umode_t mode, proc_dir_entry* parent,
                                        const seq_operations* operations, unsigned int state_size, void* data) noexcept {
  proc_dir_entry* e = make(name, parent);
  if (!e) return nullptr;
  e->kmem_seq = operations;
  e->kmem_state_size = state_size;
  e->data = data;
  e->kmem_operations.open = open_seq;
  e->kmem_operations.read = seq_read;
  e->kmem_operations.llseek = seq_lseek;
  e->kmem_operations.release = state_size ? seq_release_private : seq_release;
  return add(e, mode);
}

proc_dir_entry* create_proc_entry(const char* name, umode_t mode, proc_dir_entry* parent) noexcept {
  proc_dir_entry* e = make(name, parent);
  if (!e) return nullptr;
  e->kmem_operations.open = open_old;
  e->kmem_operations.read = read_old;
  return add(e, mode);
}

proc_dir_entry* create_proc_read_entry(const char* name, umode_t mode, proc_dir_entry* parent, read_proc_t read,
                                       void* data) noexcept {
  proc_dir_entry* e = create_proc_entry(name, mode, parent);
  if (!e) return nullptr;
  e->read_proc = read;
  e->data = data;
  return e;
}

int remove_proc_subtree(const char* name, proc_dir_entry* parent) noexcept {
  char* path = path_of(name, parent, kCannotFail);
  Node* node = find_node(path);
  if (node) {
    put_node(node);
    remove_nodes_below(path);
  }
  kfree(path);
  return node ? 0 : -ENOENT;
}

void remove_proc_entry(const char* name, proc_dir_entry* parent) noexcept {
  WARN(remove_proc_subtree(name, parent), "name '%s'", name);
}

void proc_remove(proc_dir_entry* e) noexcept {
  if (!e) return;
  char* path = kstrdup(e->kmem_path, kCannotFail);
  remove_nodes_below(path);
  kfree(path);
}

void* pde_data(const inode* i) noexcept { return entry_of(i)->data; }

}  // extern "C"
