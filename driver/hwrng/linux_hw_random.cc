// Devices that make random numbers, and the file from which programs read them.

#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hw_random.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "lock/mutex_hold.h"
#include "lock/queued.h"

namespace {

DEFINE_MUTEX(list_lock);  // guards the three below
LIST_HEAD(all);           // the best quality first
hwrng* current_rng = nullptr;
bool chosen_by_user = false;

DEFINE_MUTEX(reading);  // one program at a time; guards the two below
constexpr size_t kBuffer = 64;
alignas(64) u8 buffer[kBuffer];
size_t nr_left = 0;  // bytes of the buffer that nobody has got yet, at its begin

void done_with(kref* ref) {
  hwrng* rng = container_of(ref, hwrng, ref);
  if (rng->cleanup) rng->cleanup(rng);
  complete(&rng->cleanup_done);
}
void put(hwrng* rng) { kref_put(&rng->ref, done_with); }

void leave_current() {
  if (current_rng) put(current_rng);
  current_rng = nullptr;
}

/// With the list's lock held. Leaves the current one as it is if the new one does not start.
int make_current(hwrng* rng) {
  if (rng == current_rng) return 0;
  if (!kref_get_unless_zero(&rng->ref)) {  // else somebody still reads from it, since it was the current one before
    if (const int error = rng->init ? rng->init(rng) : 0) return error;
    reinit_completion(&rng->cleanup_done);
    kref_init(&rng->ref);
  }
  leave_current();
  current_rng = rng;
  return 0;
}

/// The first that starts.
void take_best() {
  chosen_by_user = false;
  hwrng* rng;
  list_for_each_entry(rng, &all, list) if (!make_current(rng)) return;
  leave_current();
}

hwrng* get_current_rng() {
  kmem_driver::MutexHold hold(list_lock);
  if (current_rng) kref_get(&current_rng->ref);
  return current_rng;
}

hwrng* find(const char* name) {
  hwrng* rng;
  list_for_each_entry(rng, &all, list) if (sysfs_streq(name, rng->name)) return rng;
  return nullptr;
}

void insert(hwrng* rng) {
  hwrng* before;
  list_for_each_entry(before, &all, list) if (before->quality < rng->quality) break;
  list_add_tail(&rng->list, &before->list);
}

// The file -----------------------------------------------------------------------------------------------------------

int fill(hwrng* rng, bool wait) {
  if (rng->read) {
    const int n = rng->read(rng, buffer, kBuffer, wait);
    WARN(n > static_cast<int>(kBuffer), "hwrng %s: read() says that it has written %d bytes, and may write %zu", rng->name, n,
         kBuffer);
    return n > static_cast<int>(kBuffer) ? -EIO : n;
  }
  if (rng->data_present && !rng->data_present(rng, wait)) return 0;
  return rng->data_read(rng, reinterpret_cast<u32*>(buffer));
}

/// Up to `n` bytes of one device; 0 where it has none yet.
ssize_t take(hwrng* rng, char* to, size_t n, bool wait) {
  if (mutex_lock_interruptible(&reading)) return -ERESTARTSYS;
  ssize_t done = 0;
  if (!nr_left) done = fill(rng, wait);
  if (done > 0) nr_left = static_cast<size_t>(done);
  if (done >= 0 && nr_left) {
    const size_t count = n < nr_left ? n : nr_left;
    nr_left -= count;
    done = copy_to_user(to, buffer + nr_left, count) ? -EFAULT : static_cast<ssize_t>(count);
    memset(buffer + nr_left, 0, count);  // nobody gets them twice
  }
  mutex_unlock(&reading);
  return done;
}

int hwrng_open(inode*, file* f) { return (f->f_mode & FMODE_READ) && !(f->f_mode & FMODE_WRITE) ? 0 : -EINVAL; }

ssize_t read_once(char* to, size_t n, bool wait) {
  hwrng* rng = get_current_rng();
  if (!rng) return -ENODEV;
  const ssize_t done = take(rng, to, n, wait);
  put(rng);
  if (done || wait) return done;
  return -EAGAIN;
}

ssize_t hwrng_read(file* f, char* to, size_t n, loff_t*) {
  const bool wait = !(f->f_flags & O_NONBLOCK);
  size_t total = 0;
  while (total < n) {
    const ssize_t done = read_once(to + total, n - total, wait);
    if (done < 0) return total ? static_cast<ssize_t>(total) : done;
    total += static_cast<size_t>(done);
    if (total == n) break;
    if (!done) schedule_timeout_interruptible(1);
    if (signal_pending(get_current())) return total ? static_cast<ssize_t>(total) : -ERESTARTSYS;
  }
  return static_cast<ssize_t>(total);
}

ssize_t rng_current_show(device*, device_attribute*, char* page) {
  kmem_driver::MutexHold hold(list_lock);
  return sysfs_emit(page, "%s\n", current_rng ? current_rng->name : "none");
}
ssize_t rng_current_store(device*, device_attribute*, const char* text, size_t n) {
  kmem_driver::MutexHold hold(list_lock);
  if (sysfs_streq(text, "")) return take_best(), static_cast<ssize_t>(n);
  hwrng* rng = find(text);
  const int error = rng ? make_current(rng) : -EINVAL;
  if (error) return error;
  chosen_by_user = true;
  return static_cast<ssize_t>(n);
}
DEVICE_ATTR_RW(rng_current);
ssize_t rng_available_show(device*, device_attribute*, char* page) {
  kmem_driver::MutexHold hold(list_lock);
  int n = 0;
  hwrng* rng;
  list_for_each_entry(rng, &all, list) n += sysfs_emit_at(page, n, "%s ", rng->name);
  return n + sysfs_emit_at(page, n, "\n");
}
DEVICE_ATTR_RO(rng_available);
ssize_t rng_selected_show(device*, device_attribute*, char* page) { return sysfs_emit(page, "%d\n", chosen_by_user); }
DEVICE_ATTR_RO(rng_selected);
attribute* hwrng_attrs[] = {&dev_attr_rng_current.attr, &dev_attr_rng_available.attr, &dev_attr_rng_selected.attr, nullptr};
ATTRIBUTE_GROUPS(hwrng);

/// The file is there from the first device on.
int make_file() {
  static constinit unsigned guard_word = 0;
  static constinit bool made = false;
  static file_operations operations = {};
  static miscdevice misc = {};
  kmem_driver::Guard hold(guard_word);
  if (made) return 0;
  operations.open = hwrng_open;
  operations.read = hwrng_read;
  operations.llseek = noop_llseek;
  misc.minor = HWRNG_MINOR;
  misc.name = "hwrng";
  misc.nodename = "hwrng";
  misc.fops = &operations;
  misc.groups = hwrng_groups;
  misc.mode = 0444;
  const int error = misc_register(&misc);
  made = !error;
  return error;
}

void unregister_noted(device*, void* noted) { hwrng_unregister(*static_cast<hwrng**>(noted)); }
int is_noted(device*, void* noted, void* rng) { return *static_cast<hwrng**>(noted) == rng; }

}  // namespace

extern "C" {

int hwrng_register(hwrng* rng) noexcept {
  if (!rng->name || (!rng->data_read && !rng->read)) return -EINVAL;
  if (const int error = make_file()) return error;
  kmem_driver::MutexHold hold(list_lock);
  if (find(rng->name)) return -EEXIST;
  if (rng->quality > 1024) rng->quality = 1024;
  init_completion(&rng->cleanup_done);
  complete(&rng->cleanup_done);
  init_completion(&rng->dying);
  refcount_set(&rng->ref.refcount, 0);
  insert(rng);
  const bool is_better = !current_rng || (!chosen_by_user && rng->quality > current_rng->quality);
  const int error = is_better ? make_current(rng) : 0;
  if (error) list_del(&rng->list);
  return error;
}

void hwrng_unregister(hwrng* rng) noexcept {
  {
    kmem_driver::MutexHold hold(list_lock);
    list_del(&rng->list);
    complete_all(&rng->dying);
    if (rng == current_rng) {
      leave_current();
      take_best();
    }
  }
  wait_for_completion(&rng->cleanup_done);
}

int devm_hwrng_register(device* dev, hwrng* rng) noexcept {
  auto* noted = static_cast<hwrng**>(devres_alloc(unregister_noted, sizeof(hwrng*), GFP_KERNEL));
  if (!noted) return -ENOMEM;
  *noted = rng;
  const int error = hwrng_register(rng);
  if (error) devres_free(noted);
  else devres_add(dev, noted);
  return error;
}
void devm_hwrng_unregister(device* dev, hwrng* rng) noexcept { WARN_ON(devres_release(dev, unregister_noted, is_noted, rng)); }

long hwrng_msleep(hwrng* rng, unsigned ms) noexcept {
  return wait_for_completion_interruptible_timeout(&rng->dying, msecs_to_jiffies(ms));
}

}  // extern "C"
