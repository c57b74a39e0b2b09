// devm_kmalloc() and related functions: resources that live as long as a driver's device.

#define KMEM_PERCPU_NO_STATIC
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "base/memory.h"
#include "port/port.h"
#include "sleeping.h"
#include "watch/report.h"

/// One managed resource of a device, in a list with the newest first.
struct kmem_managed {
  kmem_managed* below;
  void (*give_back)(void*);
  void* what;
  u64 more;  // region: its bytes; pages: their order; of a block of devres_alloc(): its release function
};

namespace {

using kmem::Trouble;
using Managed = kmem_managed;
using GiveBack = void (*)(void*);

void free_memory(void* p) { kfree(p); }
void unmap(void* p) { iounmap(p); }
/// Takes the Managed instead of the address, because it needs the region's size too.
void release_region(void* note) {
  const auto* region = static_cast<const Managed*>(note);
  release_mem_region(reinterpret_cast<uintptr_t>(region->what), region->more);
}

void free_variable(void* p) { free_percpu(p); }
void free_pages_noted(void* note) {
  const auto* pages = static_cast<const Managed*>(note);
  free_pages(reinterpret_cast<uintptr_t>(pages->what), static_cast<unsigned>(pages->more));
}
/// Does the function take the Managed instead of the address?
bool takes_note(GiveBack how) { return how == release_region || how == free_pages_noted; }

/// A block of devres_alloc() lies behind its note, which says so by this function; it is never called.
void release_block(void*) {}
Managed* note_of(void* block) { return reinterpret_cast<Managed*>(block) - 1; }
dr_release_t release_of(const Managed* note) { return reinterpret_cast<dr_release_t>(note->more); }

/// Locks a device's list against other tasks and handlers.
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

/// Allocates the Managed before the resource, so that a resource that was obtained can always be recorded.
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

/// Takes the newest entry of a resource off the list; null if there is none.
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

/// Changes the resource of an entry in place. False if there is no such entry.
bool replace(struct device* dev, GiveBack give_back, const void* what, void* by) {
  const Hold hold(dev);
  for (Managed* note = dev->devres_last; note; note = note->below) {
    if (note->give_back != give_back || note->what != what) continue;
    note->what = by;
    return true;
  }
  return false;
}

/// The newest block of that kind that matches; act() is told where the list names it.  Null where there is none.
template <typename Do>
void* with_block(struct device* dev, dr_release_t release, dr_match_t match, void* match_data, Do act) {
  for (Managed** at = &dev->devres_last; *at; at = &(*at)->below) {
    Managed* note = *at;
    if (note->give_back != release_block || release_of(note) != release) continue;
    if (match && !match(dev, note->what, match_data)) continue;
    act(at);
    return note->what;
  }
  return nullptr;
}

void give_back(struct device* dev, Managed* note) {
  if (note->give_back == release_block) release_of(note)(dev, note->what);
  else note->give_back(takes_note(note->give_back) ? note : note->what);
  kfree(note);
}

KMEM_COLD void report_stranger(const struct device* dev, const char* who, const void* what) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Warning, "%s(%s): %p is not noted with this device; nothing was done", who,
                           dev_name(dev), what);
}

bool give_back_early(struct device* dev, GiveBack how, const void* what, const char* who) {
  Managed* note = take(dev, how, what);
  if (note) return give_back(dev, note), true;
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

char* noted_text(struct device* dev, gfp_t flags, const char* format, va_list arguments) {
  Managed* note = new_note(flags);
  char* text = note ? kvasprintf(flags, format, arguments) : nullptr;
  if (text) put_down(dev, note, free_memory, text);
  else kfree(note);
  return text;
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
  KMEM_MIGHT_SLEEP();
  int n = 0;
  for (; Managed* note = take_last(dev); ++n) give_back(dev, note);
  return n;
}

// Actions -----------------------------------------------------------------------------------------------------------------

static int add_action(struct device* dev, void (*action)(void*), void* data, gfp_t flags) {
  Managed* note = new_note(flags);
  if (!note) return -12;  // -ENOMEM
  put_down(dev, note, action, data);
  return 0;
}

int devm_add_action(struct device* dev, void (*action)(void*), void* data) noexcept {
  return add_action(dev, action, data, KMEM_GFP_HERE(GFP_KERNEL));
}

int devm_add_action_or_reset(struct device* dev, void (*action)(void*), void* data) noexcept {
  const int error = add_action(dev, action, data, KMEM_GFP_HERE(GFP_KERNEL));
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

// Blocks of any kind ------------------------------------------------------------------------------------------------------

void* devres_alloc_node(dr_release_t release, size_t size, gfp_t flags, int node) noexcept {
  flags = KMEM_GFP_HERE(flags);
  size_t bytes;
  if (check_add_overflow(sizeof(Managed), size, &bytes)) return nullptr;
  auto* note = static_cast<Managed*>(kmalloc_node(bytes, flags | __GFP_ZERO, node));
  if (!note) return nullptr;
  *note = {nullptr, release_block, note + 1, reinterpret_cast<u64>(release)};
  return note->what;
}

void devres_free(void* block) noexcept {
  if (block) kfree(note_of(block));
}

void devres_add(struct device* dev, void* block) noexcept {
  Managed* note = note_of(block);
  put_down(dev, note, release_block, block, note->more);
}

void* devres_find(struct device* dev, dr_release_t release, dr_match_t match, void* match_data) noexcept {
  const Hold hold(dev);
  return with_block(dev, release, match, match_data, [](Managed**) {});
}

void* devres_get(struct device* dev, void* fresh, dr_match_t match, void* match_data) noexcept {
  Managed* note = note_of(fresh);
  void* found;
  {
    const Hold hold(dev);
    found = with_block(dev, release_of(note), match, match_data, [](Managed**) {});
    if (!found) {
      note->below = dev->devres_last;
      dev->devres_last = note;
    }
  }
  if (!found) return fresh;
  kfree(note);
  return found;
}

void* devres_remove(struct device* dev, dr_release_t release, dr_match_t match, void* match_data) noexcept {
  const Hold hold(dev);
  return with_block(dev, release, match, match_data, [](Managed** at) { *at = (*at)->below; });
}

int devres_destroy(struct device* dev, dr_release_t release, dr_match_t match, void* match_data) noexcept {
  void* block = devres_remove(dev, release, match, match_data);
  if (!block) return -2;  // -ENOENT
  devres_free(block);
  return 0;
}

int devres_release(struct device* dev, dr_release_t release, dr_match_t match, void* match_data) noexcept {
  void* block = devres_remove(dev, release, match, match_data);
  if (!block) return -2;  // -ENOENT
  give_back(dev, note_of(block));
  return 0;
}

// Memory ------------------------------------------------------------------------------------------------------------------

void* devm_kmalloc(struct device* dev, size_t size, gfp_t flags) noexcept {
  flags = KMEM_GFP_HERE(flags);
  if (!size) return ZERO_SIZE_PTR;
  Managed* note = new_note(flags);
  if (!note) return nullptr;
  if (void* p = kmalloc(size, flags)) return put_down(dev, note, free_memory, p);
  kfree(note);
  return nullptr;
}

void* devm_kmemdup(struct device* dev, const void* source, size_t length, gfp_t flags) noexcept {
  flags = KMEM_GFP_HERE(flags);
  void* p = devm_kmalloc(dev, length, flags);
  if (!ZERO_OR_NULL_PTR(p)) memcpy(p, source, length);
  return p;
}

char* devm_kstrdup(struct device* dev, const char* string, gfp_t flags) noexcept {
  flags = KMEM_GFP_HERE(flags);
  if (!string) return nullptr;
  size_t length = 0;
  while (string[length]) ++length;
  return static_cast<char*>(devm_kmemdup(dev, string, length + 1, flags));
}

void* devm_krealloc(struct device* dev, void* pointer, size_t new_size, gfp_t flags) noexcept {
  flags = KMEM_GFP_HERE(flags);
  if (ZERO_OR_NULL_PTR(pointer)) return devm_kmalloc(dev, new_size, flags);
  if (!new_size) return devm_kfree(dev, pointer), ZERO_SIZE_PTR;
  const size_t had = ksize(pointer);
  void* grown = new_size > had ? kmalloc(new_size, flags) : pointer;
  if (!grown) return nullptr;
  if (grown != pointer) memcpy(grown, pointer, had);
  if (!replace(dev, free_memory, pointer, grown)) {
    report_stranger(dev, "devm_krealloc", pointer);
    if (grown != pointer) kfree(grown);
    return nullptr;
  }
  if (grown != pointer) kfree(pointer);
  return grown;
}

char* devm_kvasprintf(struct device* dev, gfp_t flags, const char* format, va_list arguments) noexcept {
  return noted_text(dev, KMEM_GFP_HERE(flags), format, arguments);
}

char* devm_kasprintf(struct device* dev, gfp_t flags, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  char* text = noted_text(dev, KMEM_GFP_HERE(flags), format, arguments);
  va_end(arguments);
  return text;
}

const char* devm_kstrdup_const(struct device* dev, const char* string, gfp_t flags) noexcept {
  return kmem_port_is_constant(string) ? string : devm_kstrdup(dev, string, KMEM_GFP_HERE(flags));
}

unsigned long devm_get_free_pages(struct device* dev, gfp_t flags, unsigned int order) noexcept {
  flags = KMEM_GFP_HERE(flags);
  Managed* note = new_note(flags);
  const unsigned long pages = note ? __get_free_pages(flags, order) : 0;
  if (pages) put_down(dev, note, free_pages_noted, reinterpret_cast<void*>(pages), order);
  else kfree(note);
  return pages;
}
void devm_free_pages(struct device* dev, unsigned long address) noexcept {
  if (address) give_back_early(dev, free_pages_noted, reinterpret_cast<void*>(address), "devm_free_pages");
}

void* __devm_alloc_percpu(struct device* dev, size_t size, size_t align) noexcept {
  const gfp_t flags = KMEM_GFP_HERE(GFP_KERNEL);
  Managed* note = new_note(flags);
  void* variable = note ? __alloc_percpu_gfp(size, align, flags) : nullptr;
  if (variable) return put_down(dev, note, free_variable, variable);
  kfree(note);
  return nullptr;
}
void devm_free_percpu(struct device* dev, void* variable) noexcept {
  if (variable) give_back_early(dev, free_variable, variable, "devm_free_percpu");
}

void devm_kfree(struct device* dev, const void* pointer) noexcept {
  if (!ZERO_OR_NULL_PTR(pointer) && !kmem_port_is_constant(pointer)) give_back_early(dev, free_memory, pointer, "devm_kfree");
}

// Registers ---------------------------------------------------------------------------------------------------------------

void* devm_ioremap(struct device* dev, resource_size_t start, resource_size_t bytes) noexcept {
  KMEM_MIGHT_SLEEP();
  return map(dev, start, bytes, ioremap);
}
void* devm_ioremap_wc(struct device* dev, resource_size_t start, resource_size_t bytes) noexcept {
  KMEM_MIGHT_SLEEP();
  return map(dev, start, bytes, ioremap_wc);
}
void* devm_ioremap_uc(struct device* dev, resource_size_t start, resource_size_t bytes) noexcept {
  KMEM_MIGHT_SLEEP();
  return map(dev, start, bytes, ioremap_uc);
}

void devm_iounmap(struct device* dev, void* address) noexcept {
  KMEM_MIGHT_SLEEP();
  if (address) give_back_early(dev, unmap, address, "devm_iounmap");
}

void* devm_ioremap_resource(struct device* dev, const struct resource* res) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!res || resource_type(res) != IORESOURCE_MEM || res->end < res->start || !resource_size(res))
    return ERR_PTR(-22);                      // -EINVAL
  if (!claim(dev, res)) return ERR_PTR(-16);  // -EBUSY
  if (void* p = devm_ioremap(dev, res->start, resource_size(res))) return p;
  give_back(dev, take(dev, release_region, reinterpret_cast<void*>(res->start)));
  return ERR_PTR(-12);  // -ENOMEM
}

}  // extern "C"
