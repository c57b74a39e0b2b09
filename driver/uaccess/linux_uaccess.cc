// copy_from_user() and related functions.

#include <stdint.h>
#include <string.h>

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "host/host.h"
#include "uaccess/fault.h"
#include "uaccess/user.h"

extern "C" {
__attribute__((weak)) void* __asan_region_is_poisoned(void* begin, size_t size);
__attribute__((weak)) void __tsan_read_range(void* begin, unsigned long size);
__attribute__((weak)) void __tsan_write_range(void* begin, unsigned long size);
}

namespace kmem_driver {

const kmem_driver_user* user_of_caller() { return host::own().user; }

namespace {

/// The assembler of a guarded copy is not instrumented, so the sanitizers are told about its accesses here.
void touch(void* driver_side, size_t n, bool writes) {
  if (!n) return;
  if (__asan_region_is_poisoned) {
    if (void* bad = __asan_region_is_poisoned(driver_side, n)) {
      volatile char* byte = static_cast<volatile char*>(bad);
      if (writes) *byte = 0;
      else (void)*byte;
    }
  }
  if (writes && __tsan_write_range) __tsan_write_range(driver_side, n);
  if (!writes && __tsan_read_range) __tsan_read_range(driver_side, n);
}

size_t from_user(void* to, const void* from, size_t n) {
  if (!kmem_driver_access_ok(from, n)) return n;
  touch(to, n, true);
  if (const kmem_driver_user* user = user_of_caller()) return user->read(to, from, n, user->data);
  watch_faults();
  return copy_guarded(to, from, n);
}

size_t to_user(void* to, const void* from, size_t n) {
  if (!kmem_driver_access_ok(to, n)) return n;
  touch(const_cast<void*>(from), n, false);
  if (const kmem_driver_user* user = user_of_caller()) return user->write(to, from, n, user->data);
  watch_faults();
  return copy_guarded(to, from, n);
}

size_t clear(void* to, size_t n) {
  if (!kmem_driver_access_ok(to, n)) return n;
  watch_faults();
  const kmem_driver_user* user = user_of_caller();
  if (!user) return clear_guarded(to, n);
  static const char zeros[512] = {};
  for (size_t at = 0; at < n; at += sizeof(zeros)) {
    const size_t part = n - at < sizeof(zeros) ? n - at : sizeof(zeros);
    const size_t left = user->write(static_cast<char*>(to) + at, zeros, part, user->data);
    if (left) return n - at - (part - left);
  }
  return 0;
}

long no_fault(size_t left) { return left ? -EFAULT : 0; }

/// Reads a string up to its NUL or `most` bytes, in parts that do not cross a page; -EFAULT.
template <typename Take>
long walk_string(const char* text, long most, Take take) {
  char part[256];
  for (long at = 0; at < most;) {
    const size_t to_page = PAGE_SIZE - (reinterpret_cast<uintptr_t>(text + at) & (PAGE_SIZE - 1));
    size_t n = static_cast<size_t>(most - at);
    n = n < to_page ? n : to_page;
    n = n < sizeof(part) ? n : sizeof(part);
    n -= from_user(part, text + at, n);
    if (!n) return -EFAULT;
    const void* end = memchr(part, 0, n);
    const size_t used = end ? static_cast<size_t>(static_cast<const char*>(end) - part) : n;
    take(at, part, used + (end != nullptr));
    at += static_cast<long>(used);
    if (end) return at;
  }
  return most;
}

void* dup(const void* from, size_t n, size_t more, void* block) {
  if (!block) return ERR_PTR(-ENOMEM);
  if (copy_from_user(block, from, n)) {
    kvfree(block);
    return ERR_PTR(-EFAULT);
  }
  if (more) static_cast<char*>(block)[n] = 0;
  return block;
}

}  // namespace

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void kmem_driver_set_user(const kmem_driver_user* of) noexcept { host::own().user = of; }

int kmem_driver_access_ok(const void* pointer, unsigned long n) noexcept {
  const auto at = reinterpret_cast<unsigned long>(pointer);
  return n <= TASK_SIZE && at <= TASK_SIZE - n;
}

unsigned long kmem_driver_user_copy(void* to, const void* from, unsigned long n) noexcept {
  might_fault();
  return from_user(to, from, n);
}

unsigned long copy_from_user(void* to, const void* from, unsigned long n) noexcept {
  might_fault();
  const size_t left = from_user(to, from, n);
  if (left) memset(static_cast<char*>(to) + (n - left), 0, left);
  return left;
}

unsigned long copy_to_user(void* to, const void* from, unsigned long n) noexcept {
  might_fault();
  return to_user(to, from, n);
}

unsigned long clear_user(void* to, unsigned long n) noexcept {
  might_fault();
  return clear(to, n);
}

long strncpy_from_user(char* to, const char* from, long most) noexcept {
  might_fault();
  return walk_string(from, most, [to](long at, const char* part, size_t n) { memcpy(to + at, part, n); });
}

long strnlen_user(const char* text, long most) noexcept {
  might_fault();
  const long length = walk_string(text, most, [](long, const char*, size_t) {});
  return length < 0 ? 0 : length + 1;
}

int check_zeroed_user(const void* from, size_t size) noexcept {
  char part[256];
  for (size_t at = 0; at < size; at += sizeof(part)) {
    const size_t n = size - at < sizeof(part) ? size - at : sizeof(part);
    if (copy_from_user(part, static_cast<const char*>(from) + at, n)) return -EFAULT;
    for (size_t i = 0; i < n; ++i)
      if (part[i]) return 0;
  }
  return 1;
}

int copy_struct_from_user(void* to, size_t size, const void* from, size_t user_size) noexcept {
  const size_t both = size < user_size ? size : user_size;
  if (user_size > size) {
    const int zeros = check_zeroed_user(static_cast<const char*>(from) + size, user_size - size);
    if (zeros <= 0) return zeros ? zeros : -E2BIG;
  }
  if (copy_from_user(to, from, both)) return -EFAULT;
  memset(static_cast<char*>(to) + both, 0, size - both);
  return 0;
}

void* kmem_driver_memdup_user(const void* from, size_t n) noexcept {
  return dup(from, n, 0, kmalloc(n, GFP_USER | __GFP_NOWARN));
}
void* kmem_driver_memdup_user_nul(const void* from, size_t n) noexcept {
  return dup(from, n, 1, kmalloc(n + 1, GFP_KERNEL | __GFP_NOWARN));
}
void* kmem_driver_vmemdup_user(const void* from, size_t n) noexcept { return dup(from, n, 0, kvmalloc(n, GFP_USER)); }

char* kmem_driver_strndup_user(const char* text, long most) noexcept {
  const long length = strnlen_user(text, most);
  if (!length) return static_cast<char*>(ERR_PTR(-EFAULT));
  if (length > most) return static_cast<char*>(ERR_PTR(-EINVAL));
  char* copy = static_cast<char*>(memdup_user(text, static_cast<size_t>(length)));
  if (!IS_ERR(copy)) copy[length - 1] = 0;
  return copy;
}

long copy_from_kernel_nofault(void* to, const void* from, size_t n) noexcept {
  watch_faults();
  return no_fault(copy_guarded(to, from, n));
}
long copy_to_kernel_nofault(void* to, const void* from, size_t n) noexcept {
  watch_faults();
  return no_fault(copy_guarded(to, from, n));
}
long copy_from_user_nofault(void* to, const void* from, size_t n) noexcept { return no_fault(from_user(to, from, n)); }
long copy_to_user_nofault(void* to, const void* from, size_t n) noexcept { return no_fault(to_user(to, from, n)); }

void pagefault_disable() noexcept { ++host::own().faults_off; }
void pagefault_enable() noexcept { --host::own().faults_off; }
bool pagefault_disabled() noexcept { return host::own().faults_off != 0; }

}  // extern "C"
