// Watchdogs: the files by which programs feed them.

#include <linux/watchdog.h>

#include <linux/cdev.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "lock/mutex_hold.h"
#include "lock/queued.h"
#include "tree/xarray_nodes.h"

/// A watchdog as its files see it.  It lives as long as one of them is open.
struct kmem_watchdog {
  kref ref;
  struct mutex lock;     // guards the rest
  watchdog_device* wdd;  // null: the driver is gone
  device* dev;
  cdev node;
  delayed_work feeding;
  unsigned long fed;  // by a program, in jiffies
  bool is_open, may_close;
};

namespace {

using Dog = kmem_watchdog;

DEFINE_IDA(numbers);
constexpr unsigned kMax = 32;

void free_dog(kref* ref) { kfree(container_of(ref, Dog, ref)); }
void put(Dog* dog) { kref_put(&dog->ref, free_dog); }

// Feeding, with the lock held -------------------------------------------------------------------------------------------------

/// The core feeds where the device cannot wait for the program, or where nobody could stop it.
bool needs_feeding(watchdog_device* wdd) {
  if (!wdd->max_hw_heartbeat_ms) return watchdog_hw_running(wdd) && !watchdog_active(wdd);
  return watchdog_hw_running(wdd) && (!watchdog_active(wdd) || wdd->timeout * 1000 > wdd->max_hw_heartbeat_ms);
}
unsigned long feed_after(watchdog_device* wdd) {
  const unsigned most = wdd->timeout * 1000;
  const unsigned ms = wdd->max_hw_heartbeat_ms && wdd->max_hw_heartbeat_ms < most ? wdd->max_hw_heartbeat_ms : most;
  return msecs_to_jiffies(ms / 2);
}
void plan_feeding(Dog* dog) {
  if (needs_feeding(dog->wdd)) mod_delayed_work(system_wq, &dog->feeding, feed_after(dog->wdd));
  else cancel_delayed_work(&dog->feeding);
}

int feed_device(watchdog_device* wdd) { return wdd->ops->ping ? wdd->ops->ping(wdd) : wdd->ops->start(wdd); }

/// A program has been too long away: then nobody feeds.
bool is_late(const Dog* dog) {
  return watchdog_active(dog->wdd) && time_after(jiffies, dog->fed + msecs_to_jiffies(dog->wdd->timeout * 1000));
}
void feed_later(work_struct* work) {
  Dog* dog = container_of(to_delayed_work(work), Dog, feeding);
  kmem_driver::MutexHold hold(dog->lock);
  if (!dog->wdd || !needs_feeding(dog->wdd) || is_late(dog)) return;
  feed_device(dog->wdd);
  plan_feeding(dog);
}

int feed(Dog* dog) {
  if (!watchdog_hw_running(dog->wdd)) return 0;
  dog->fed = jiffies;
  const int error = feed_device(dog->wdd);
  plan_feeding(dog);
  return error;
}

int start(Dog* dog) {
  watchdog_device* wdd = dog->wdd;
  if (watchdog_active(wdd)) return 0;
  dog->fed = jiffies;
  const bool runs = watchdog_hw_running(wdd);
  const int error = runs ? feed_device(wdd) : wdd->ops->start(wdd);
  if (error) return error;
  set_bit(WDOG_ACTIVE, &wdd->status);
  set_bit(WDOG_HW_RUNNING, &wdd->status);
  plan_feeding(dog);
  return 0;
}

int stop(Dog* dog) {
  watchdog_device* wdd = dog->wdd;
  if (!watchdog_active(wdd)) return 0;
  if (test_bit(WDOG_NO_WAY_OUT, &wdd->status)) {
    pr_info("watchdog%d: nowayout prevents watchdog being stopped!\n", wdd->id);
    return -EBUSY;
  }
  const int error = wdd->ops->stop ? wdd->ops->stop(wdd) : 0;
  if (error) return error;
  if (wdd->ops->stop) clear_bit(WDOG_HW_RUNNING, &wdd->status);
  clear_bit(WDOG_ACTIVE, &wdd->status);
  plan_feeding(dog);
  return 0;
}

int set_timeout(watchdog_device* wdd, unsigned seconds) {
  if (!(wdd->info->options & WDIOF_SETTIMEOUT)) return -EOPNOTSUPP;
  if (watchdog_timeout_invalid(wdd, seconds)) return -EINVAL;
  if (wdd->ops->set_timeout) {
    if (const int error = wdd->ops->set_timeout(wdd, seconds)) return error;
  } else {
    wdd->timeout = seconds;
  }
  if (wdd->pretimeout >= wdd->timeout) wdd->pretimeout = 0;
  return 0;
}
int set_pretimeout(watchdog_device* wdd, unsigned seconds) {
  if (!(wdd->info->options & WDIOF_PRETIMEOUT)) return -EOPNOTSUPP;
  if (watchdog_pretimeout_invalid(wdd, seconds)) return -EINVAL;
  if (wdd->ops->set_pretimeout) return wdd->ops->set_pretimeout(wdd, seconds);
  wdd->pretimeout = seconds;
  return 0;
}

// The file --------------------------------------------------------------------------------------------------------------------

Dog* dog_of(const file* f) { return static_cast<Dog*>(f->private_data); }

int open_dog(Dog* dog, file* f) {
  kmem_driver::MutexHold hold(dog->lock);
  if (!dog->wdd) return -ENODEV;
  if (dog->is_open) return -EBUSY;
  if (const int error = start(dog)) return error;
  dog->is_open = true;
  dog->may_close = false;
  kref_get(&dog->ref);
  f->private_data = dog;
  return 0;
}
int open_node(inode* i, file* f) { return open_dog(container_of(i->i_cdev, Dog, node), f); }

int release_file(inode*, file* f) {
  Dog* dog = dog_of(f);
  {
    kmem_driver::MutexHold hold(dog->lock);
    dog->is_open = false;
    watchdog_device* wdd = dog->wdd;
    if (wdd && watchdog_active(wdd)) {
      const bool asked = dog->may_close || !(wdd->info->options & WDIOF_MAGICCLOSE);
      if (!asked || stop(dog)) {
        pr_crit("watchdog%d: watchdog did not stop!\n", wdd->id);
        feed(dog);
      }
    }
  }
  put(dog);
  return 0;
}

/// A V anywhere in what is written.
bool has_v(const char* text, size_t n, bool* found) {
  for (size_t i = 0; i < n; ++i) {
    char c;
    if (get_user(c, text + i)) return false;
    if (c == 'V') *found = true;
  }
  return true;
}

ssize_t write_file(file* f, const char* text, size_t n, loff_t*) {
  Dog* dog = dog_of(f);
  if (!n) return 0;
  bool found = false;
  if (!has_v(text, n, &found)) return -EFAULT;
  kmem_driver::MutexHold hold(dog->lock);
  if (!dog->wdd) return -ENODEV;
  dog->may_close = found;
  const int error = feed(dog);
  return error ? error : static_cast<ssize_t>(n);
}

int set_options(Dog* dog, int options) {
  if (options & WDIOS_DISABLECARD)
    if (const int error = stop(dog)) return error;
  return options & WDIOS_ENABLECARD ? start(dog) : 0;
}

unsigned status_of(watchdog_device* wdd) {
  const unsigned status = wdd->ops->status ? wdd->ops->status(wdd) : wdd->bootstatus;
  return status & wdd->info->options;
}

long set_from_user(Dog* dog, unsigned command, const int* from) {
  int value;
  if (get_user(value, from)) return -EFAULT;
  if (command == WDIOC_SETOPTIONS) return set_options(dog, value);
  if (command == WDIOC_SETPRETIMEOUT) return set_pretimeout(dog->wdd, static_cast<unsigned>(value));
  if (const int error = set_timeout(dog->wdd, static_cast<unsigned>(value))) return error;
  return feed(dog);  // from now on
}

long serve(Dog* dog, unsigned command, int* user) {
  watchdog_device* wdd = dog->wdd;
  switch (command) {
    case WDIOC_GETSUPPORT: return copy_to_user(reinterpret_cast<void*>(user), wdd->info, sizeof(watchdog_info)) ? -EFAULT : 0;
    case WDIOC_GETSTATUS: return put_user(static_cast<int>(status_of(wdd)), user);
    case WDIOC_GETBOOTSTATUS: return put_user(static_cast<int>(wdd->bootstatus), user);
    case WDIOC_SETOPTIONS:
    case WDIOC_SETPRETIMEOUT: return set_from_user(dog, command, user);
    case WDIOC_KEEPALIVE: return wdd->info->options & WDIOF_KEEPALIVEPING ? feed(dog) : -EOPNOTSUPP;
    case WDIOC_SETTIMEOUT:
      if (const long error = set_from_user(dog, command, user)) return error;
      fallthrough;
    case WDIOC_GETTIMEOUT: return wdd->timeout ? put_user(static_cast<int>(wdd->timeout), user) : -EOPNOTSUPP;
    case WDIOC_GETPRETIMEOUT: return put_user(static_cast<int>(wdd->pretimeout), user);
    case WDIOC_GETTIMELEFT:
      return wdd->ops->get_timeleft ? put_user(static_cast<int>(wdd->ops->get_timeleft(wdd)), user) : -EOPNOTSUPP;
    default: return -ENOTTY;
  }
}

long ioctl_file(file* f, unsigned command, unsigned long argument) {
  Dog* dog = dog_of(f);
  kmem_driver::MutexHold hold(dog->lock);
  if (!dog->wdd) return -ENODEV;
  const watchdog_ops* ops = dog->wdd->ops;
  const long own = ops->ioctl ? ops->ioctl(dog->wdd, command, argument) : -ENOIOCTLCMD;
  return own != -ENOIOCTLCMD ? own : serve(dog, command, reinterpret_cast<int*>(argument));
}

// /dev/watchdog, of the watchdog with number 0.
Dog* first_dog = nullptr;
int open_first(inode*, file* f) { return first_dog ? open_dog(first_dog, f) : -ENODEV; }

constexpr file_operations make_operations(int (*open)(inode*, file*)) {
  file_operations o = {};
  o.open = open;
  o.release = release_file;
  o.write = write_file;
  o.unlocked_ioctl = ioctl_file;
  o.llseek = no_llseek;
  return o;
}
const file_operations node_operations = make_operations(open_node), first_operations = make_operations(open_first);
constexpr miscdevice make_first() {
  miscdevice misc = {};
  misc.minor = WATCHDOG_MINOR;
  misc.name = "watchdog";
  return misc;
}
miscdevice first = make_first();

// Its attributes --------------------------------------------------------------------------------------------------------------

/// Shows what f(watchdog) says.
template <typename F>
ssize_t show(device* dev, F f) {
  auto* dog = static_cast<Dog*>(dev_get_drvdata(dev));
  kmem_driver::MutexHold hold(dog->lock);
  return dog->wdd ? f(dog->wdd) : -ENODEV;
}
ssize_t identity_show(device* dev, device_attribute*, char* page) {
  return show(dev,
              [=](watchdog_device* w) { return sysfs_emit(page, "%s\n", reinterpret_cast<const char*>(w->info->identity)); });
}
ssize_t state_show(device* dev, device_attribute*, char* page) {
  return show(dev, [=](watchdog_device* w) { return sysfs_emit(page, watchdog_active(w) ? "active\n" : "inactive\n"); });
}
ssize_t timeout_show(device* dev, device_attribute*, char* page) {
  return show(dev, [=](watchdog_device* w) { return sysfs_emit(page, "%u\n", w->timeout); });
}
ssize_t nowayout_show(device* dev, device_attribute*, char* page) {
  return show(dev, [=](watchdog_device* w) { return sysfs_emit(page, "%d\n", test_bit(WDOG_NO_WAY_OUT, &w->status) ? 1 : 0); });
}
ssize_t bootstatus_show(device* dev, device_attribute*, char* page) {
  return show(dev, [=](watchdog_device* w) { return sysfs_emit(page, "%u\n", w->bootstatus); });
}
DEVICE_ATTR_RO(identity);
DEVICE_ATTR_RO(state);
DEVICE_ATTR_RO(timeout);
DEVICE_ATTR_RO(nowayout);
DEVICE_ATTR_RO(bootstatus);
attribute* watchdog_attrs[] = {&dev_attr_identity.attr, &dev_attr_state.attr,      &dev_attr_timeout.attr,
                               &dev_attr_nowayout.attr, &dev_attr_bootstatus.attr, nullptr};
ATTRIBUTE_GROUPS(watchdog);

// Making ----------------------------------------------------------------------------------------------------------------------

struct Shared {
  device_class* of;
  dev_t numbers;
};
/// The class and the numbers are there from the first watchdog on.
int shared(Shared* it) {
  static constinit unsigned guard_word = 0;
  static Shared made = {};
  kmem_driver::Guard hold(guard_word);
  if (!made.of) {
    device_class* of = class_create("watchdog");
    int error = PTR_ERR_OR_ZERO(of);
    if (error) return error;
    of->dev_groups = watchdog_groups;
    error = alloc_chrdev_region(&made.numbers, 0, kMax, "watchdog");
    if (error) return class_destroy(of), error;
    made.of = of;
  }
  *it = made;
  return 0;
}

void check_limits(watchdog_device* wdd) {
  if (wdd->max_hw_heartbeat_ms || wdd->min_timeout <= wdd->max_timeout || !wdd->max_timeout) return;
  pr_info("Invalid min and max timeout values, resetting to 0!\n");
  wdd->min_timeout = wdd->max_timeout = 0;
}

int add_files(Dog* dog, const Shared& with) {
  watchdog_device* wdd = dog->wdd;
  const dev_t number = MKDEV(MAJOR(with.numbers), MINOR(with.numbers) + static_cast<unsigned>(wdd->id));
  cdev_init(&dog->node, &node_operations);
  dog->node.owner = wdd->ops->owner;
  if (const int error = cdev_add(&dog->node, number, 1)) return error;
  dog->dev = device_create_with_groups(with.of, wdd->parent, number, dog, wdd->groups, "watchdog%d", wdd->id);
  if (IS_ERR(dog->dev)) {
    cdev_del(&dog->node);
    return static_cast<int>(PTR_ERR(dog->dev));
  }
  if (wdd->id) return 0;
  first_dog = dog;
  first.fops = &first_operations;
  if (misc_register(&first))
    pr_err("cannot register miscdev on minor=%d: a legacy watchdog module is probably present.\n", first.minor);
  else return 0;
  first_dog = nullptr;
  return 0;
}

void remove_files(Dog* dog, watchdog_device* wdd) {
  if (first_dog == dog) {
    misc_deregister(&first);
    first_dog = nullptr;
  }
  Shared with;
  if (!shared(&with)) device_destroy(with.of, dog->node.dev);
  cdev_del(&dog->node);
  ida_free(&numbers, static_cast<unsigned>(wdd->id));
}

Dog* make(watchdog_device* wdd) {
  auto* dog = static_cast<Dog*>(kzalloc(sizeof(Dog), GFP_KERNEL));
  if (!dog) return nullptr;
  kref_init(&dog->ref);
  mutex_init(&dog->lock);
  INIT_DELAYED_WORK(&dog->feeding, feed_later);
  dog->wdd = wdd;
  return dog;
}

void unregister_noted(void* wdd) { watchdog_unregister_device(static_cast<watchdog_device*>(wdd)); }

}  // namespace

extern "C" {

int watchdog_register_device(watchdog_device* wdd) noexcept {
  if (!wdd || !wdd->info || !wdd->ops || !wdd->ops->start || (!wdd->ops->stop && !wdd->max_hw_heartbeat_ms)) return -EINVAL;
  check_limits(wdd);
  kmem_driver::prepare_xarrays();
  Shared with;
  if (const int error = shared(&with)) return error;
  const int number = ida_alloc_max(&numbers, kMax - 1, GFP_KERNEL);
  if (number < 0) return number;
  wdd->id = number;
  Dog* dog = make(wdd);
  const int error = dog ? add_files(dog, with) : -ENOMEM;
  if (error) {
    kfree(dog);
    ida_free(&numbers, static_cast<unsigned>(number));
    return error;
  }
  wdd->wd_data = dog;
  kmem_driver::MutexHold hold(dog->lock);
  plan_feeding(dog);
  return 0;
}

void watchdog_unregister_device(watchdog_device* wdd) noexcept {
  Dog* dog = wdd->wd_data;
  if (!dog) return;
  {
    kmem_driver::MutexHold hold(dog->lock);
    if (watchdog_active(wdd) && test_bit(WDOG_STOP_ON_UNREGISTER, &wdd->status)) stop(dog);
    dog->wdd = nullptr;
    wdd->wd_data = nullptr;
  }
  remove_files(dog, wdd);
  cancel_delayed_work_sync(&dog->feeding);
  put(dog);
}

int devm_watchdog_register_device(device* dev, watchdog_device* wdd) noexcept {
  const int error = watchdog_register_device(wdd);
  return error ? error : devm_add_action_or_reset(dev, unregister_noted, wdd);
}

int watchdog_init_timeout(watchdog_device* wdd, unsigned seconds, device* dev) noexcept {
  check_limits(wdd);
  if (!seconds) return 0;
  if (watchdog_timeout_invalid(wdd, seconds)) {
    pr_err("%s: driver supplied timeout (%u) out of range\n", dev ? dev_name(dev) : "watchdog", seconds);
    return -EINVAL;
  }
  wdd->timeout = seconds;
  return 0;
}

void watchdog_notify_pretimeout(watchdog_device* wdd) noexcept { pr_alert("watchdog%d: pretimeout event\n", wdd->id); }

}  // extern "C"
