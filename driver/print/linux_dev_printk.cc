// Messages about devices.

#include <errno.h>
#include <stdarg.h>

#include <linux/dev_printk.h>
#include <linux/device.h>

namespace {

constexpr int kProbeDefer = -517;

void print_about(const char* level, const device* dev, va_format* message) {
  if (!dev) return void(printk("%s(NULL device *): %pV", level, static_cast<void*>(message)));
  printk("%s%s %s: %pV", level, dev_driver_string(dev), dev_name(dev), static_cast<void*>(message));
}

}  // namespace

extern "C" {

void kmem_driver_dev_printk(const char* level, const device* dev, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_format message = {format, &arguments};
  print_about(level, dev, &message);
  va_end(arguments);
}

int dev_err_probe(const device* dev, int error, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  va_format message = {format, &arguments};
  const void* reason = reinterpret_cast<const void*>(static_cast<long>(error));
  if (error == kProbeDefer) kmem_driver_dev_printk(KERN_DEBUG, dev, "error %pe: %pV", reason, static_cast<void*>(&message));
  else kmem_driver_dev_printk(KERN_ERR, dev, "error %pe: %pV", reason, static_cast<void*>(&message));
  va_end(arguments);
  return error;
}

}  // extern "C"
