// Pools of small blocks of coherent memory.

#include <linux/dmapool.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

namespace {

/// A stretch of coherent memory that is cut up.
struct Chunk {
  list_head link;
  char* memory;
  dma_addr_t address;
  unsigned nr_out;
  u64 out[];  // bit n: block n
};

}  // namespace

struct dma_pool {
  spinlock_t lock;
  list_head chunks;
  device* dev;
  size_t size, bytes;  // of a block; of a chunk
  size_t between;      // a block begins at a multiple of its size behind each multiple of this
  unsigned per_part, per_chunk;
  char name[32];
};

namespace {

size_t offset_of(const dma_pool* pool, unsigned block) {
  return block / pool->per_part * pool->between + block % pool->per_part * pool->size;
}
/// -1: no block begins there.
int block_at(const dma_pool* pool, size_t offset) {
  const size_t part = offset / pool->between, within = offset % pool->between;
  if (within % pool->size || within / pool->size >= pool->per_part) return -1;
  const size_t block = part * pool->per_part + within / pool->size;
  return block < pool->per_chunk ? static_cast<int>(block) : -1;
}

bool is_out(const Chunk* c, unsigned block) { return c->out[block / 64] >> (block % 64) & 1; }
void flip(Chunk* c, unsigned block) { c->out[block / 64] ^= u64{1} << (block % 64); }

Chunk* new_chunk(dma_pool* pool, gfp_t flags) {
  const size_t words = (pool->per_chunk + 63) / 64;
  auto* c = static_cast<Chunk*>(kzalloc(sizeof(Chunk) + words * sizeof(u64), flags));
  if (!c) return nullptr;
  c->memory = static_cast<char*>(dma_alloc_coherent(pool->dev, pool->bytes, &c->address, flags));
  if (c->memory) return c;
  kfree(c);
  return nullptr;
}

/// With the lock held: a free block; null: every one is out.
char* take(dma_pool* pool, dma_addr_t* address) {
  list_head* at;
  list_for_each(at, &pool->chunks) {
    Chunk* c = list_entry(at, Chunk, link);
    if (c->nr_out == pool->per_chunk) continue;
    unsigned block = 0;
    while (is_out(c, block)) ++block;
    flip(c, block);
    ++c->nr_out;
    *address = c->address + offset_of(pool, block);
    return c->memory + offset_of(pool, block);
  }
  return nullptr;
}

/// With the lock held: null, or what is wrong with it.
const char* give(dma_pool* pool, const char* memory, dma_addr_t address) {
  list_head* at;
  list_for_each(at, &pool->chunks) {
    Chunk* c = list_entry(at, Chunk, link);
    if (memory < c->memory || memory >= c->memory + pool->bytes) continue;
    const size_t offset = static_cast<size_t>(memory - c->memory);
    const int block = block_at(pool, offset);
    if (block < 0) return "bad vaddr";
    if (address != c->address + offset) return "bad dma";
    if (!is_out(c, static_cast<unsigned>(block))) return "already free";
    flip(c, static_cast<unsigned>(block));
    --c->nr_out;
    return nullptr;
  }
  return "bad vaddr";
}

bool is_power_of_2_or_none(size_t n) { return !(n & (n - 1)); }

/// Sizes that make sense: then the pool's are set.
bool measure(dma_pool* pool, size_t size, size_t align, size_t boundary) {
  if (!is_power_of_2_or_none(align) || !is_power_of_2_or_none(boundary) || !size || size > INT_MAX) return false;
  if (size < sizeof(long)) size = sizeof(long);
  pool->size = ALIGN(size, align ? align : 1);
  pool->bytes = PAGE_ALIGN(pool->size);
  if (boundary && boundary < pool->size) return false;
  pool->between = boundary && boundary < pool->bytes ? boundary : pool->bytes;
  pool->per_part = static_cast<unsigned>(pool->between / pool->size);
  pool->per_chunk = static_cast<unsigned>(pool->bytes / pool->between) * pool->per_part;
  return true;
}

void destroy_noted(device*, void* block) { dma_pool_destroy(*static_cast<dma_pool**>(block)); }
int is_noted(device*, void* block, void* pool) { return *static_cast<void**>(block) == pool; }

}  // namespace

extern "C" {

dma_pool* dma_pool_create(const char* name, device* dev, size_t size, size_t align, size_t boundary) noexcept {
  auto* pool = static_cast<dma_pool*>(kzalloc(sizeof(dma_pool), GFP_KERNEL));
  if (!pool) return nullptr;
  if (!measure(pool, size, align, boundary)) return kfree(pool), nullptr;
  spin_lock_init(&pool->lock);
  INIT_LIST_HEAD(&pool->chunks);
  pool->dev = dev;
  strscpy(pool->name, name, sizeof(pool->name));
  return pool;
}

void dma_pool_destroy(dma_pool* pool) noexcept {
  if (!pool) return;
  while (!list_empty(&pool->chunks)) {
    Chunk* c = list_first_entry(&pool->chunks, Chunk, link);
    list_del(&c->link);
    if (c->nr_out)
      WARN(1, "%s %s: dma_pool_destroy %s, %p busy: %u blocks are out", dev_driver_string(pool->dev), dev_name(pool->dev),
           pool->name, static_cast<void*>(c->memory), c->nr_out);
    else dma_free_coherent(pool->dev, pool->bytes, c->memory, c->address);
    kfree(c);
  }
  kfree(pool);
}

void* dma_pool_alloc(dma_pool* pool, gfp_t flags, dma_addr_t* address) noexcept {
  unsigned long saved;
  spin_lock_irqsave(&pool->lock, saved);
  char* block = take(pool, address);
  spin_unlock_irqrestore(&pool->lock, saved);
  if (!block) {
    Chunk* fresh = new_chunk(pool, flags & ~__GFP_ZERO);
    if (!fresh) return nullptr;
    spin_lock_irqsave(&pool->lock, saved);
    list_add(&fresh->link, &pool->chunks);
    block = take(pool, address);
    spin_unlock_irqrestore(&pool->lock, saved);
  }
  if (block && flags & __GFP_ZERO) memset(block, 0, pool->size);
  return block;
}

void dma_pool_free(dma_pool* pool, void* memory, dma_addr_t address) noexcept {
  unsigned long saved;
  spin_lock_irqsave(&pool->lock, saved);
  const char* fault = give(pool, static_cast<char*>(memory), address);
  spin_unlock_irqrestore(&pool->lock, saved);
  WARN(fault, "%s %s: dma_pool_free %s, %p (%s)/0x%llx", dev_driver_string(pool->dev), dev_name(pool->dev), pool->name, memory,
       fault, static_cast<unsigned long long>(address));
}

dma_pool* dmam_pool_create(const char* name, device* dev, size_t size, size_t align, size_t boundary) noexcept {
  auto* noted = static_cast<dma_pool**>(devres_alloc(destroy_noted, sizeof(dma_pool*), GFP_KERNEL));
  if (!noted) return nullptr;
  *noted = dma_pool_create(name, dev, size, align, boundary);
  if (!*noted) return devres_free(noted), nullptr;
  devres_add(dev, noted);
  return *noted;
}
void dmam_pool_destroy(dma_pool* pool) noexcept { WARN_ON(devres_release(pool->dev, destroy_noted, is_noted, pool)); }

}  // extern "C"
