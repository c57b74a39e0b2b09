#include "system/neighbours.h"

#include "base/atomic.h"
#include "base/attributes.h"
#include "system/system.h"

namespace {

/// The interface of one kmem to the others of its process. Its address is permanent, because a kmem is never unloaded.
struct Neighbour {
  uint32_t layout;  // of this struct; a kmem of another version may have another
  size_t (*usable)(const void* p);
  bool (*free)(void* p);
  kmem::Atomic<Neighbour*> next;
};
constexpr uint32_t kLayout = 1;

size_t usable(const void* p) { return kmem::is_up() ? kmem::system().heap.usable(p) : 0; }
bool free(void* p) { return kmem::is_up() && kmem::slow_free(p); }

}  // namespace

// The first name refers to the instance that the dynamic linker chose, the second to the one in this library.
extern "C" {
KMEM_EXPORT extern Neighbour kmem_here;
constinit Neighbour kmem_here{kLayout, usable, free, kmem::Atomic<Neighbour*>{}};
extern Neighbour kmem_really_here __attribute__((alias("kmem_here"), visibility("hidden")));
}

namespace kmem {
namespace {

Neighbour& first() {
  Neighbour* found = &kmem_here;
  asm("" : "+r"(found));  // hides the alias from the compiler: at run time the two may differ
  return found->layout == kLayout ? *found : kmem_really_here;
}

template <typename Ask>
auto ask_neighbours(Ask ask) {
  decltype(ask(kmem_really_here)) answer{};
  for (Neighbour* one = &first(); one && !answer; one = one->next.load())
    if (one != &kmem_really_here) answer = ask(*one);
  return answer;
}

}  // namespace

bool names_lead_here() { return &first() == &kmem_really_here; }

// Inserts this kmem behind the first one, which is always in the list.
void meet_neighbours() {
  if (names_lead_here()) return;
  Atomic<Neighbour*>& second = first().next;
  Neighbour* next = second.load();
  do kmem_really_here.next.store(next);
  while (!second.compare_exchange(next, &kmem_really_here));
}

size_t usable_at_neighbours(const void* p) {
  return ask_neighbours([p](Neighbour& one) { return one.usable(p); });
}

bool free_at_neighbours(void* p) {
  return ask_neighbours([p](Neighbour& one) { return one.free(p); });
}

}  // namespace kmem
