// Files of debugfs.

#include <string.h>

#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fs/files.h"

namespace {

using namespace kmem_driver;

Node* node_of_entry(dentry* d) { return static_cast<Node*>(d->d_inode->kmem_node); }

dentry* add(const char* name, umode_t mode, dentry* parent, void* data, const file_operations* operations,
            Node** added = nullptr) {
  if (IS_ERR(parent)) return parent;
  char* path = kmem_driver_kasprintf(GFP_KERNEL, "%s/%s", parent ? node_of_entry(parent)->path : "/sys/kernel/debug", name);
  if (!path) return static_cast<dentry*>(ERR_PTR(-ENOMEM));
  Node* node;
  const int error = add_node(path, mode, 0, operations, data, &node);
  if (error == -EEXIST) pr_err("debugfs: File '%s' already present!\n", path);
  kfree(path);
  if (error) return static_cast<dentry*>(ERR_PTR(error));
  if (added) *added = node;
  return &node->dentry;
}

/// A variable as a file: its size and its format.
struct Variable {
  void* at;
  unsigned char size;
  const char* format;
};

u64 value_of(const Variable* v) {
  u64 value = 0;
  memcpy(&value, v->at, v->size);
  return value;
}

ssize_t read_variable(file* f, char* buffer, size_t n, loff_t* position) {
  const auto* v = static_cast<Variable*>(f->f_inode->i_private);
  char text[32];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int length = kmem_driver_snprintf(text, sizeof(text), v->format, static_cast<unsigned long long>(value_of(v)));
#pragma GCC diagnostic pop
  return simple_read_from_buffer(buffer, n, position, text, static_cast<size_t>(length));
}

ssize_t write_variable(file* f, const char* buffer, size_t n, loff_t*) {
  const auto* v = static_cast<Variable*>(f->f_inode->i_private);
  unsigned long long value;
  if (const int error = kstrtoull_from_user(buffer, n, 0, &value)) return error;
  if (v->size < 8 && value >> (8 * v->size)) return -ERANGE;
  memcpy(v->at, &value, v->size);
  return static_cast<ssize_t>(n);
}

ssize_t read_bool(file* f, char* buffer, size_t n, loff_t* position) {
  const auto* v = static_cast<Variable*>(f->f_inode->i_private);
  const char* text = *static_cast<bool*>(v->at) ? "Y\n" : "N\n";
  return simple_read_from_buffer(buffer, n, position, text, 2);
}
ssize_t write_bool(file* f, const char* buffer, size_t n, loff_t*) {
  const auto* v = static_cast<Variable*>(f->f_inode->i_private);
  char c;
  if (!n || copy_from_user(&c, buffer, 1)) return n ? -EFAULT : 0;
  if (strchr("yY1tT", c) && c) *static_cast<bool*>(v->at) = true;
  else if (strchr("nN0fF", c) && c) *static_cast<bool*>(v->at) = false;
  else return -EINVAL;
  return static_cast<ssize_t>(n);
}
ssize_t read_blob(file* f, char* buffer, size_t n, loff_t* position) {
  const auto* blob = static_cast<debugfs_blob_wrapper*>(f->f_inode->i_private);
  return simple_read_from_buffer(buffer, n, position, blob->data, blob->size);
}

constexpr file_operations make(ssize_t (*read)(file*, char*, size_t, loff_t*),
                               ssize_t (*write)(file*, const char*, size_t, loff_t*)) {
  file_operations o = {};
  o.read = read;
  o.write = write;
  o.llseek = default_llseek;
  return o;
}
const file_operations variable_operations = make(read_variable, write_variable), bool_operations = make(read_bool, write_bool),
                      blob_operations = make(read_blob, nullptr);

void free_variable(Node* node) { kfree(node->inode.i_private); }

void add_variable(const char* name, umode_t mode, dentry* parent, void* at, size_t size, const char* format,
                  const file_operations* operations = &variable_operations) {
  auto* v = static_cast<Variable*>(kzalloc(sizeof(Variable), GFP_KERNEL));
  if (!v) return;
  *v = {at, static_cast<unsigned char>(size), format};
  Node* node;
  if (IS_ERR(add(name, static_cast<umode_t>(S_IFREG | mode), parent, v, operations, &node))) return kfree(v);
  node->freed = free_variable;
}

}  // namespace

extern "C" {

dentry* debugfs_create_dir(const char* name, dentry* parent) noexcept {
  return add(name, S_IFDIR | 0755, parent, nullptr, nullptr);
}
dentry* debugfs_create_file(const char* name, umode_t mode, dentry* parent, void* data,
                            const file_operations* operations) noexcept {
  return add(name, static_cast<umode_t>(mode & S_IFMT ? mode : S_IFREG | mode), parent, data, operations);
}

void debugfs_create_u8(const char* name, umode_t mode, dentry* parent, u8* v) noexcept {
  add_variable(name, mode, parent, v, 1, "%llu\n");
}
void debugfs_create_u16(const char* name, umode_t mode, dentry* parent, u16* v) noexcept {
  add_variable(name, mode, parent, v, 2, "%llu\n");
}
void debugfs_create_u32(const char* name, umode_t mode, dentry* parent, u32* v) noexcept {
  add_variable(name, mode, parent, v, 4, "%llu\n");
}
void debugfs_create_u64(const char* name, umode_t mode, dentry* parent, u64* v) noexcept {
  add_variable(name, mode, parent, v, 8, "%llu\n");
}
void debugfs_create_x8(const char* name, umode_t mode, dentry* parent, u8* v) noexcept {
  add_variable(name, mode, parent, v, 1, "0x%02llx\n");
}
void debugfs_create_x16(const char* name, umode_t mode, dentry* parent, u16* v) noexcept {
  add_variable(name, mode, parent, v, 2, "0x%04llx\n");
}
void debugfs_create_x32(const char* name, umode_t mode, dentry* parent, u32* v) noexcept {
  add_variable(name, mode, parent, v, 4, "0x%08llx\n");
}
void debugfs_create_x64(const char* name, umode_t mode, dentry* parent, u64* v) noexcept {
  add_variable(name, mode, parent, v, 8, "0x%016llx\n");
}
void debugfs_create_ulong(const char* name, umode_t mode, dentry* parent, unsigned long* v) noexcept {
  add_variable(name, mode, parent, v, sizeof(*v), "%llu\n");
}
void debugfs_create_size_t(const char* name, umode_t mode, dentry* parent, size_t* v) noexcept {
  add_variable(name, mode, parent, v, sizeof(*v), "%llu\n");
}
void kmem_driver_debugfs_create_int(const char* name, umode_t mode, dentry* parent, int* v) noexcept {
  add_variable(name, mode, parent, v, 4, "%llu\n");
}
void debugfs_create_bool(const char* name, umode_t mode, dentry* parent, bool* v) noexcept {
  add_variable(name, mode, parent, v, 1, "", &bool_operations);
}
dentry* debugfs_create_blob(const char* name, umode_t mode, dentry* parent, debugfs_blob_wrapper* blob) noexcept {
  return add(name, static_cast<umode_t>(S_IFREG | (mode & 0444)), parent, blob, &blob_operations);
}

void debugfs_remove(dentry* d) noexcept {
  if (IS_ERR_OR_NULL(d)) return;
  char* path = kstrdup(node_of_entry(d)->path, kCannotFail);
  remove_nodes_below(path);
  kfree(path);
}

void debugfs_lookup_and_remove(const char* name, dentry* parent) noexcept {
  if (IS_ERR(parent)) return;
  char* path = kmem_driver_kasprintf(kCannotFail, "%s/%s", parent ? node_of_entry(parent)->path : "/sys/kernel/debug", name);
  remove_nodes_below(path);
  kfree(path);
}

}  // extern "C"
