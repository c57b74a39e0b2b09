// What drivers take for as long as they have their device: devm_kmalloc() and its kin.

#include <linux/device.h>
#include <linux/slab.h>

#include "base/memory.h"
#include "watch/report.h"

/// One thing that is noted with a device, newest first.
struct kmem_managed {
  kmem_managed* below;
  void (*give_back)(void*);
  void* what;
  u64 more;  // of a region: its bytes
};

namespace {

using kmem::Trouble;
using Managed = kmem_managed;
using GiveBack = void (*)(void*);

void free_memory(void* p) { kfree(p); }
void unmap(void* p) { iounmap(p); }
/// A region needs its size as well: it is given its note instead of the address.
void release_region(void* note) {
  const auto* region = static_cast<const Managed*>(note);
  release_mem_region(reinterpret_cast<uintptr_t>(region->what), region->more);
}

/// Holds a device's list against other tasks and handlers.
class Hold {
 public:
  explicit Hold(struct device* dev) : dev_(dev) { spin_lock_irqsave(&dev_->devres_lock, flags_); }
  ~Hold() { spin_unlock_irqrestore(&dev_->devres_lock, flags_); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  struct device* dev_;
  unsigned long flags_ = 0;
};

/// Room for a note, taken before the thing itself: so that what is had can be noted.
Managed* new_note(gfp_t flags) {
  constexpr gfp_t kOfThingsOnly = __GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM | __GFP_ZERO;
  return static_cast<Managed*>(kmalloc(sizeof(Managed), flags & ~kOfThingsOnly));
}

void* put_down(struct device* dev, Managed* note, GiveBack give_back, void* what, u64 more = 0) {
  *note = {nullptr, give_back, what, more};
  const Hold hold(dev);
  note->below = dev->devres_last;
  dev->devres_last = note;
  return what;
}

Managed* take_last(struct device* dev) {
  const Hold hold(dev);
  Managed* note = dev->devres_last;
  if (note) dev->devres_last = note->below;
  return note;
}

/// The newest one of a thing, off the list; null where there is none.
Managed* take(struct device* dev, GiveBack give_back, const void* what) {
  const Hold hold(dev);
  for (Managed** at = &dev->devres_last; *at; at = &(*at)->below) {
    Managed* note = *at;
    if (note->give_back != give_back || note->what != what) continue;
    *at = note->below;
    return note;
  }
  return nullptr;
}

void give_back(Managed* note) {
  note->give_back(note->give_back == release_region ? note : note->what);
  kfree(note);
}

KMEM_COLD void report_stranger(const struct device* dev, const char* who, const void* what) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Warning, "%s(%s): %p is not noted with this device; nothing was done", who, dev_name(dev), what);
}

bool give_back_early(struct device* dev, GiveBack how, const void* what, const char* who) {
  Managed* note = take(dev, how, what);
  if (note) return give_back(note), true;
  report_stranger(dev, who, what);
  return false;
}

template <typename Map>
void* map(struct device* dev, resource_size_t start, resource_size_t bytes, Map how) {
  Managed* note = new_note(GFP_KERNEL);
  if (!note) return nullptr;
  if (void* p = how(start, bytes)) return put_down(dev, note, unmap, p);
  kfree(note);
  return nullptr;
}

bool claim(struct device* dev, const struct resource* res) {
  Managed* note = new_note(GFP_KERNEL);
  const resource_size_t bytes = resource_size(res);
  if (note && request_mem_region(res->start, bytes, res->name ? res->name : dev_name(dev)))
    return put_down(dev, note, release_region, reinterpret_cast<void*>(res->start), bytes), true;
  kfree(note);
  return false;
}

}  // namespace

extern "C" {

int devres_release_all(struct device* dev) noexcept {
  int n = 0;
  for (; Managed* note = take_last(dev); ++n) give_back(note);
  return n;
}

// Actions -----------------------------------------------------------------------------------------------------------------

int devm_add_action(struct device* dev, void (*action)(void*), void* data) noexcept {
  Managed* note = new_note(GFP_KERNEL);
  if (!note) return -12;  // -ENOMEM
  put_down(dev, note, action, data);
  return 0;
}

int devm_add_action_or_reset(struct device* dev, void (*action)(void*), void* data) noexcept {
  const int error = devm_add_action(dev, action, data);
  if (error) action(data);
  return error;
}

void devm_remove_action(struct device* dev, void (*action)(void*), void* data) noexcept {
  Managed* note = take(dev, action, data);
  if (!note) report_stranger(dev, "devm_remove_action", data);
  kfree(note);
}

void devm_release_action(struct device* dev, void (*action)(void*), void* data) noexcept {
  give_back_early(dev, action, data, "devm_release_action");
}

// Memory ------------------------------------------------------------------------------------------------------------------

void* devm_kmalloc(struct device* dev, size_t size, gfp_t flags) noexcept {
  if (!size) return ZERO_SIZE_PTR;
  Managed* note = new_note(flags);
  if (!note) return nullptr;
  if (void* p = kmalloc(size, flags)) return put_down(dev, note, free_memory, p);
  kfree(note);
  return nullptr;
}

void* devm_kmemdup(struct device* dev, const void* source, size_t length, gfp_t flags) noexcept {
  void* p = devm_kmalloc(dev, length, flags);
  if (!ZERO_OR_NULL_PTR(p)) memcpy(p, source, length);
  return p;
}

char* devm_kstrdup(struct device* dev, const char* string, gfp_t flags) noexcept {
  if (!string) return nullptr;
  size_t length = 0;
  while (string[length]) ++length;
  return static_cast<char*>(devm_kmemdup(dev, string, length + 1, flags));
}

void devm_kfree(struct device* dev, const void* pointer) noexcept {
  if (!ZERO_OR_NULL_PTR(pointer)) give_back_early(dev, free_memory, pointer, "devm_kfree");
}

// Registers ---------------------------------------------------------------------------------------------------------------

void* devm_ioremap(struct device* dev, resource_size_t start, resource_size_t bytes) noexcept { return map(dev, start, bytes, ioremap); }
void* devm_ioremap_wc(struct device* dev, resource_size_t start, resource_size_t bytes) noexcept { return map(dev, start, bytes, ioremap_wc); }
void* devm_ioremap_uc(struct device* dev, resource_size_t start, resource_size_t bytes) noexcept { return map(dev, start, bytes, ioremap_uc); }

void devm_iounmap(struct device* dev, void* address) noexcept {
  if (address) give_back_early(dev, unmap, address, "devm_iounmap");
}

void* devm_ioremap_resource(struct device* dev, const struct resource* res) noexcept {
  if (!res || resource_type(res) != IORESOURCE_MEM || res->end < res->start || !resource_size(res)) return ERR_PTR(-22);  // -EINVAL
  if (!claim(dev, res)) return ERR_PTR(-16);                                                    // -EBUSY
  if (void* p = devm_ioremap(dev, res->start, resource_size(res))) return p;
  give_back(take(dev, release_region, reinterpret_cast<void*>(res->start)));
  return ERR_PTR(-12);  // -ENOMEM
}

}  // extern "C"
