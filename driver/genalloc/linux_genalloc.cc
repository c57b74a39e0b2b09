// Pools of addresses.

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/genalloc.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

namespace {

/// A stretch of addresses; bit n: the n-th piece is out.
struct Stretch {
  list_head link;
  unsigned long address, nr;
  phys_addr_t physical;
  u64 out[];
};

}  // namespace

struct gen_pool {
  spinlock_t lock;
  list_head stretches;
  int order;
};

namespace {

class Hold {
 public:
  explicit Hold(gen_pool* pool) : pool_(pool) { spin_lock_irqsave(&pool_->lock, flags_); }
  ~Hold() { spin_unlock_irqrestore(&pool_->lock, flags_); }
  Hold(const Hold&) = delete;

 private:
  gen_pool* pool_;
  unsigned long flags_ = 0;
};

unsigned long pieces(const gen_pool* pool, size_t size) { return (size + (1ul << pool->order) - 1) >> pool->order; }
size_t bytes_of(const gen_pool* pool, const Stretch* s) { return s->nr << pool->order; }

/// Visits each stretch until visit() is true: that one.
template <typename Visit>
Stretch* find(gen_pool* pool, Visit visit) {
  list_head* at;
  list_for_each(at, &pool->stretches) {
    Stretch* s = list_entry(at, Stretch, link);
    if (visit(s)) return s;
  }
  return nullptr;
}
Stretch* holding(gen_pool* pool, unsigned long address, size_t size) {
  return find(pool, [=](const Stretch* s) {
    const size_t all = bytes_of(pool, s);
    return address >= s->address && size <= all && address - s->address <= all - size;
  });
}

bool is_out(const Stretch* s, unsigned long n) { return s->out[n / 64] >> (n % 64) & 1; }
/// How many pieces from `first` on, at most `n`, are out or not, as `out` says.
unsigned long run(const Stretch* s, unsigned long first, unsigned long n, bool out) {
  unsigned long i = 0;
  while (i < n && first + i < s->nr && is_out(s, first + i) == out) ++i;
  return i;
}
void flip(Stretch* s, unsigned long first, unsigned long n) {
  for (; n; ++first, --n) s->out[first / 64] ^= u64{1} << (first % 64);
}

/// The first of so many free pieces in a row, taken; s->nr: there are none.
unsigned long take(Stretch* s, unsigned long n) {
  for (unsigned long first = 0; first + n <= s->nr;) {
    const unsigned long free = run(s, first, n, false);
    if (free == n) return flip(s, first, n), first;
    first += free + 1;
  }
  return s->nr;
}

unsigned long alloc(gen_pool* pool, size_t size, phys_addr_t* physical) {
  const unsigned long n = pieces(pool, size);
  unsigned long first = 0;
  if (!n) return 0;
  Hold hold(pool);
  const Stretch* s = find(pool, [&](Stretch* at) { return (first = take(at, n)) < at->nr; });
  if (!s) return 0;
  if (physical) *physical = s->physical + (first << pool->order);
  return s->address + (first << pool->order);
}

/// Null: it is free now; else what is wrong.
const char* give(gen_pool* pool, unsigned long address, size_t size) {
  Hold hold(pool);
  Stretch* s = holding(pool, address, size);
  if (!s) return "it is not in the pool";
  const unsigned long first = (address - s->address) >> pool->order, n = pieces(pool, size);
  if (run(s, first, n, true) < n) return "not all of it is out";
  flip(s, first, n);
  return nullptr;
}

size_t nr_out(const Stretch* s) {
  size_t n = 0;
  for (unsigned long i = 0; i < s->nr; ++i) n += is_out(s, i);
  return n;
}

void destroy_noted(device*, void* block) { gen_pool_destroy(*static_cast<gen_pool**>(block)); }

}  // namespace

extern "C" {

gen_pool* gen_pool_create(int order, int) noexcept {
  if (order < 0 || order > 40) return nullptr;
  auto* pool = static_cast<gen_pool*>(kzalloc(sizeof(gen_pool), GFP_KERNEL));
  if (!pool) return nullptr;
  spin_lock_init(&pool->lock);
  INIT_LIST_HEAD(&pool->stretches);
  pool->order = order;
  return pool;
}

void gen_pool_destroy(gen_pool* pool) noexcept {
  if (WARN(find(pool, nr_out), "gen_pool_destroy(%p): pieces of it are still out; it stays", static_cast<void*>(pool))) return;
  while (!list_empty(&pool->stretches)) {
    Stretch* s = list_first_entry(&pool->stretches, Stretch, link);
    list_del(&s->link);
    kvfree(s);
  }
  kfree(pool);
}

int gen_pool_add_virt(gen_pool* pool, unsigned long address, phys_addr_t physical, size_t size, int) noexcept {
  const unsigned long nr = size >> pool->order;
  auto* s = static_cast<Stretch*>(kvzalloc(sizeof(Stretch) + (nr + 63) / 64 * sizeof(u64), GFP_KERNEL));
  if (!s) return -ENOMEM;
  s->address = address;
  s->physical = physical;
  s->nr = nr;
  Hold hold(pool);
  list_add_tail(&s->link, &pool->stretches);
  return 0;
}

unsigned long gen_pool_alloc(gen_pool* pool, size_t size) noexcept { return alloc(pool, size, nullptr); }
void* gen_pool_dma_alloc(gen_pool* pool, size_t size, dma_addr_t* address) noexcept {
  phys_addr_t physical = 0;
  const unsigned long at = alloc(pool, size, &physical);
  if (at && address) *address = physical;
  return reinterpret_cast<void*>(at);
}
void* gen_pool_dma_zalloc(gen_pool* pool, size_t size, dma_addr_t* address) noexcept {
  void* at = gen_pool_dma_alloc(pool, size, address);
  if (at) memset(at, 0, size);
  return at;
}
void gen_pool_free(gen_pool* pool, unsigned long address, size_t size) noexcept {
  const char* fault = give(pool, address, size);
  WARN(fault, "gen_pool_free(0x%lx, %zu): %s", address, size, fault);
}

phys_addr_t gen_pool_virt_to_phys(gen_pool* pool, unsigned long address) noexcept {
  Hold hold(pool);
  const Stretch* s = holding(pool, address, 1);
  return s ? s->physical + (address - s->address) : ~phys_addr_t{0};
}
size_t gen_pool_size(gen_pool* pool) noexcept {
  Hold hold(pool);
  size_t sum = 0;
  find(pool, [&](const Stretch* s) { return sum += bytes_of(pool, s), false; });
  return sum;
}
size_t gen_pool_avail(gen_pool* pool) noexcept {
  Hold hold(pool);
  size_t sum = 0;
  find(pool, [&](const Stretch* s) { return sum += (s->nr - nr_out(s)) << pool->order, false; });
  return sum;
}
bool gen_pool_has_addr(gen_pool* pool, unsigned long address, size_t size) noexcept {
  Hold hold(pool);
  return holding(pool, address, size) != nullptr;
}

gen_pool* devm_gen_pool_create(device* dev, int order, int node, const char*) noexcept {
  auto* noted = static_cast<gen_pool**>(devres_alloc(destroy_noted, sizeof(gen_pool*), GFP_KERNEL));
  gen_pool* pool = noted ? gen_pool_create(order, node) : nullptr;
  if (!pool) return devres_free(noted), static_cast<gen_pool*>(ERR_PTR(-ENOMEM));
  *noted = pool;
  devres_add(dev, noted);
  return pool;
}

}  // extern "C"
