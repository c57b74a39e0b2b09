// Notifications of readiness changes of a file: for a tool that waits for a driver's files and others together.

#include <kmem/driver.h>
#include <linux/kernel.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "fs/files.h"

/// A file's entries in the queues that its poll() gave.
struct kmem_driver_watch {
  struct Place {
    wait_queue_entry entry;
    wait_queue_head* queue;
    Place* next;
  };
  poll_table table;
  file* of;
  Place* places;
  void (*woken)(void* data);
  void* data;
  bool lacks_memory;
};

namespace {

using namespace kmem_driver;
using Place = kmem_driver_watch::Place;

int tell(wait_queue_entry* entry, unsigned, int, void*) {
  const auto* watch = static_cast<kmem_driver_watch*>(entry->private_);
  watch->woken(watch->data);
  return 0;  // no task was woken
}

void join(file*, wait_queue_head* queue, poll_table* table) {
  auto* watch = container_of(table, kmem_driver_watch, table);
  auto* place = static_cast<Place*>(kzalloc(sizeof(Place), GFP_KERNEL));
  if (!place) {
    watch->lacks_memory = true;
    return;
  }
  place->queue = queue;
  place->next = watch->places;
  watch->places = place;
  init_waitqueue_func_entry(&place->entry, tell);
  place->entry.private_ = watch;
  add_wait_queue(queue, &place->entry);
}

}  // namespace

extern "C" {

kmem_driver_watch* kmem_driver_watch_begin(int fd, void (*woken)(void*), void* data) noexcept {
  Call f(fd);
  if (!f) return nullptr;
  auto* watch = static_cast<kmem_driver_watch*>(kzalloc(sizeof(kmem_driver_watch), GFP_KERNEL));
  if (!watch) return nullptr;
  watch->of = get_file(f.get());
  watch->woken = woken;
  watch->data = data;
  init_poll_funcptr(&watch->table, join);
  vfs_poll(watch->of, &watch->table);
  watch->table._qproc = nullptr;
  if (!watch->lacks_memory) return watch;
  kmem_driver_watch_end(watch);
  return nullptr;
}

unsigned kmem_driver_watch_events(kmem_driver_watch* watch) noexcept { return vfs_poll(watch->of, &watch->table); }

void kmem_driver_watch_end(kmem_driver_watch* watch) noexcept {
  while (Place* place = watch->places) {
    watch->places = place->next;
    remove_wait_queue(place->queue, &place->entry);
    kfree(place);
  }
  fput(watch->of);
  kfree(watch);
}

}  // extern "C"
