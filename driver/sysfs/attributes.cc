// Attributes as files.

#include <string.h>

#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fs/files.h"
#include "print/mistakes.h"

namespace {

using namespace kmem_driver;

/// The attribute and object of a node.
struct Shown {
  kobject* kobj;
  const attribute* attr;
  const bin_attribute* bin;
  wait_queue_head changed;
  unsigned changes;
};

/// An open attribute: the text that was shown when it was last read from the beginning.
struct Open {
  char* page;
  ssize_t length;
  unsigned seen;
  struct mutex lock;
};

Shown* shown_by(const file* f) { return static_cast<Shown*>(f->f_inode->i_private); }
Open* open_of(const file* f) { return static_cast<Open*>(f->private_data); }
const sysfs_ops* ops_of(const Shown* s) { return s->kobj->ktype ? s->kobj->ktype->sysfs_ops : nullptr; }

int open_attribute(inode*, file* f) {
  auto* o = static_cast<Open*>(kzalloc(sizeof(Open), GFP_KERNEL));
  if (o) o->page = reinterpret_cast<char*>(get_zeroed_page(GFP_KERNEL));
  if (!o || !o->page) {
    kfree(o);
    return -ENOMEM;
  }
  o->length = -1;
  o->seen = __atomic_load_n(&shown_by(f)->changes, __ATOMIC_RELAXED);
  mutex_init(&o->lock);
  f->private_data = o;
  return 0;
}

int close_attribute(inode*, file* f) {
  free_page(reinterpret_cast<unsigned long>(open_of(f)->page));
  kfree(f->private_data);
  return 0;
}

ssize_t show(const Shown* s, Open* o) {
  const sysfs_ops* ops = ops_of(s);
  if (!ops || !ops->show) return -EIO;
  o->seen = __atomic_load_n(&s->changes, __ATOMIC_RELAXED);
  memset(o->page, 0, PAGE_SIZE);
  const ssize_t n = ops->show(s->kobj, const_cast<attribute*>(s->attr), o->page);
  if (n < static_cast<ssize_t>(PAGE_SIZE)) return n;
  count_mistake();
  printk(KERN_ERR "fill_read_buffer: %s returned bad count\n", s->attr->name);
  return PAGE_SIZE - 1;
}

ssize_t read_attribute(file* f, char* buffer, size_t n, loff_t* at) {
  Open* o = open_of(f);
  mutex_lock(&o->lock);
  if (o->length < 0 || !*at) o->length = show(shown_by(f), o);
  const ssize_t done =
      o->length < 0 ? o->length : simple_read_from_buffer(buffer, n, at, o->page, static_cast<size_t>(o->length));
  mutex_unlock(&o->lock);
  return done;
}

ssize_t write_attribute(file* f, const char* buffer, size_t n, loff_t* at) {
  const Shown* s = shown_by(f);
  const sysfs_ops* ops = ops_of(s);
  if (!ops || !ops->store) return -EIO;
  if (n >= PAGE_SIZE) n = PAGE_SIZE - 1;
  char* page = static_cast<char*>(memdup_user_nul(buffer, n));
  if (IS_ERR(page)) return PTR_ERR(page);
  const ssize_t done = ops->store(s->kobj, const_cast<attribute*>(s->attr), page, n);
  kfree(page);
  if (done > 0) *at += done;
  return done;
}

__poll_t poll_attribute(file* f, poll_table* table) {
  Shown* s = shown_by(f);
  poll_wait(f, &s->changed, table);
  const bool changed = open_of(f)->seen != __atomic_load_n(&s->changes, __ATOMIC_RELAXED);
  return DEFAULT_POLLMASK | (changed ? EPOLLERR | EPOLLPRI : 0u);
}

/// Transfers at most a page, within the size, through a buffer page.
template <typename Transfer>
ssize_t transfer_bin(const file* f, size_t n, loff_t at, Transfer transfer) {
  const bin_attribute* bin = shown_by(f)->bin;
  if (n > PAGE_SIZE) n = PAGE_SIZE;
  if (bin->size) {
    if (static_cast<size_t>(at) >= bin->size) return 0;
    if (n > bin->size - static_cast<size_t>(at)) n = bin->size - static_cast<size_t>(at);
  }
  char* page = static_cast<char*>(kzalloc(PAGE_SIZE, GFP_KERNEL));
  if (!page) return -ENOMEM;
  const ssize_t done = transfer(const_cast<bin_attribute*>(bin), page, n);
  kfree(page);
  return done;
}

ssize_t read_bin(file* f, char* buffer, size_t n, loff_t* at) {
  const ssize_t done = transfer_bin(f, n, *at, [&](bin_attribute* bin, char* page, size_t size) -> ssize_t {
    if (!bin->read) return -EIO;
    const ssize_t got = bin->read(f, shown_by(f)->kobj, bin, page, *at, size);
    return got > 0 && copy_to_user(buffer, page, static_cast<size_t>(got)) ? -EFAULT : got;
  });
  if (done > 0) *at += done;
  return done;
}

ssize_t write_bin(file* f, const char* buffer, size_t n, loff_t* at) {
  const ssize_t done = transfer_bin(f, n, *at, [&](bin_attribute* bin, char* page, size_t size) -> ssize_t {
    if (!bin->write) return -EIO;
    if (copy_from_user(page, buffer, size)) return -EFAULT;
    return bin->write(f, shown_by(f)->kobj, bin, page, *at, size);
  });
  if (done > 0) *at += done;
  return done;
}

constexpr file_operations make_attribute_operations() {
  file_operations o = {};
  o.llseek = generic_file_llseek;
  o.read = read_attribute;
  o.write = write_attribute;
  o.poll = poll_attribute;
  o.open = open_attribute;
  o.release = close_attribute;
  return o;
}
constexpr file_operations make_bin_operations() {
  file_operations o = {};
  o.llseek = generic_file_llseek;
  o.read = read_bin;
  o.write = write_bin;
  return o;
}
const file_operations attribute_operations = make_attribute_operations(), bin_operations = make_bin_operations();

/// /sys, the object's path, a folder if there is one, the name.
char* path_of(const kobject* kobj, const char* folder, const char* name, gfp_t flags) {
  return kmem_driver_kasprintf(flags, "/sys/%s%s%s/%s", kobj->kmem_path ? kobj->kmem_path : "", folder ? "/" : "",
                               folder ? folder : "", name);
}

void free_shown(Node* node) { kfree(node->inode.i_private); }

int add(kobject* kobj, const char* folder, const attribute* attr, const bin_attribute* bin, umode_t mode) {
  char* path = path_of(kobj, folder, attr->name, GFP_KERNEL);
  auto* s = static_cast<Shown*>(kzalloc(sizeof(Shown), GFP_KERNEL));
  int error = path && s ? 0 : -ENOMEM;
  if (!error) {
    s->kobj = kobj;  // no reference: the object removes its files from /sys before it is freed
    s->attr = attr;
    s->bin = bin;
    init_waitqueue_head(&s->changed);
    Node* node;
    error = add_node(path, static_cast<umode_t>(S_IFREG | mode), 0, bin ? &bin_operations : &attribute_operations, s, &node);
    if (!error) {
      node->freed = free_shown;
      if (bin) node->inode.i_size = static_cast<loff_t>(bin->size);
      s = nullptr;
    }
  }
  kfree(s);
  kfree(path);
  return error;
}

void remove(kobject* kobj, const char* folder, const char* name) {
  char* path = path_of(kobj, folder, name, kCannotFail);
  remove_node(path);
  kfree(path);
}

int add_group(kobject* kobj, const attribute_group* g) {
  for (int i = 0; g->attrs && g->attrs[i]; ++i) {
    const umode_t mode = g->is_visible ? g->is_visible(kobj, g->attrs[i], i) : g->attrs[i]->mode;
    if (!mode) continue;
    if (const int error = add(kobj, g->name, g->attrs[i], nullptr, mode)) return error;
  }
  for (int i = 0; g->bin_attrs && g->bin_attrs[i]; ++i) {
    const umode_t mode = g->is_bin_visible ? g->is_bin_visible(kobj, g->bin_attrs[i], i) : g->bin_attrs[i]->attr.mode;
    if (!mode) continue;
    if (const int error = add(kobj, g->name, &g->bin_attrs[i]->attr, g->bin_attrs[i], mode)) return error;
  }
  return 0;
}

}  // namespace

extern "C" {

int sysfs_create_file(kobject* kobj, const attribute* attr) noexcept { return add(kobj, nullptr, attr, nullptr, attr->mode); }
void sysfs_remove_file(kobject* kobj, const attribute* attr) noexcept { remove(kobj, nullptr, attr->name); }

int sysfs_create_files(kobject* kobj, const attribute* const* attrs) noexcept {
  for (int i = 0; attrs[i]; ++i) {
    const int error = sysfs_create_file(kobj, attrs[i]);
    if (!error) continue;
    while (i--) sysfs_remove_file(kobj, attrs[i]);
    return error;
  }
  return 0;
}
void sysfs_remove_files(kobject* kobj, const attribute* const* attrs) noexcept {
  for (int i = 0; attrs[i]; ++i) sysfs_remove_file(kobj, attrs[i]);
}

int sysfs_create_bin_file(kobject* kobj, const bin_attribute* bin) noexcept {
  return add(kobj, nullptr, &bin->attr, bin, bin->attr.mode);
}
void sysfs_remove_bin_file(kobject* kobj, const bin_attribute* bin) noexcept { remove(kobj, nullptr, bin->attr.name); }

int sysfs_create_group(kobject* kobj, const attribute_group* group) noexcept {
  const int error = add_group(kobj, group);
  if (error) sysfs_remove_group(kobj, group);
  return error;
}
void sysfs_remove_group(kobject* kobj, const attribute_group* g) noexcept {
  for (int i = 0; g->attrs && g->attrs[i]; ++i) remove(kobj, g->name, g->attrs[i]->name);
  for (int i = 0; g->bin_attrs && g->bin_attrs[i]; ++i) remove(kobj, g->name, g->bin_attrs[i]->attr.name);
}

int sysfs_create_groups(kobject* kobj, const attribute_group** groups) noexcept {
  for (int i = 0; groups && groups[i]; ++i) {
    const int error = sysfs_create_group(kobj, groups[i]);
    if (!error) continue;
    while (i--) sysfs_remove_group(kobj, groups[i]);
    return error;
  }
  return 0;
}
void sysfs_remove_groups(kobject* kobj, const attribute_group** groups) noexcept {
  for (int i = 0; groups && groups[i]; ++i) sysfs_remove_group(kobj, groups[i]);
}

int sysfs_emit_at(char* page, int at, const char* format, ...) noexcept {
  if (WARN(!page || at < 0 || at >= static_cast<int>(PAGE_SIZE), "invalid sysfs_emit_at: buf:%p at:%d", page, at)) return 0;
  va_list arguments;
  va_start(arguments, format);
  const int n = vscnprintf(page + at, PAGE_SIZE - static_cast<size_t>(at), format, arguments);
  va_end(arguments);
  return n;
}

int sysfs_emit(char* page, const char* format, ...) noexcept {
  if (WARN(!page || offset_in_page(page), "invalid sysfs_emit: buf:%p", page)) return 0;
  va_list arguments;
  va_start(arguments, format);
  const int n = vscnprintf(page, PAGE_SIZE, format, arguments);
  va_end(arguments);
  return n;
}

void sysfs_notify(kobject* kobj, const char* folder, const char* name) noexcept {
  char* path = path_of(kobj, folder, name, kCannotFail);
  Node* node = find_node(path);
  kfree(path);
  if (!node) return;
  auto* s = static_cast<Shown*>(node->inode.i_private);
  __atomic_add_fetch(&s->changes, 1, __ATOMIC_SEQ_CST);
  wake_up_all(&s->changed);
  put_node(node);
}

bool sysfs_streq(const char* a, const char* b) noexcept {
  while (*a && *a == *b) ++a, ++b;
  if (*a == *b) return true;
  return (!*a && *b == '\n' && !b[1]) || (*a == '\n' && !a[1] && !*b);
}

}  // extern "C"
