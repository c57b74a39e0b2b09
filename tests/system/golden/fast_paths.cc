// What fast_paths.py counts: pairs of calls of an allocating and a freeing function, by pointers, after a warm-up.
//   fast_paths LIBRARY malloc|aligned|kmalloc|cache|page|bulk|mempool PAIRS
//
// Under valgrind, which has no restartable sequences, glibc's area for them says that this thread has no CPU, and every
// call would take the slow path.  So the program writes into that area what the kernel would: CPU 0.  Nothing restarts
// a sequence then, and nothing needs to: there is one thread, it has no signal handler, and nobody else uses the words
// of CPU 0.  The calls execute what they execute on a CPU, instruction by instruction.

#include <dlfcn.h>
#include <sys/rseq.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr size_t kSize = 64;
constexpr unsigned kGfpKernel = 0xcc0;
struct Cache;  // struct kmem_cache
void* library;

/// The kernel's functions by their symbols, kmem_ and then the name: <kmem/c_face.h>.
template <typename Function>
Function* named(const char* name) {
  void* found = dlsym(library, name);
  if (found) return reinterpret_cast<Function*>(found);
  std::fprintf(stderr, "fast_paths: %s\n", dlerror());
  std::exit(2);
}

void be_on_cpu_0() {
  auto* area = reinterpret_cast<volatile struct rseq*>(static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset);
  if (static_cast<int32_t>(area->cpu_id) >= 0) return;  // the kernel keeps it up to date
  area->cpu_id_start = 0;
  area->cpu_id = 0;
}

void malloc_pairs(long pairs) {
  auto* allocate = named<void*(size_t)>("malloc");
  auto* release = named<void(void*)>("free");
  for (long i = 0; i < pairs; ++i) release(allocate(kSize));
}

void large_pairs(long pairs) {
  constexpr size_t kLarge = 128 << 10;
  auto* allocate = named<void*(size_t)>("malloc");
  auto* release = named<void(void*)>("free");
  for (long i = 0; i < pairs; ++i) release(allocate(kLarge));
}

void aligned_pairs(long pairs) {
  auto* allocate = named<void*(size_t, size_t)>("aligned_alloc");
  auto* release = named<void(void*)>("free");
  for (long i = 0; i < pairs; ++i) release(allocate(kSize, kSize));
}

void kmalloc_pairs(long pairs) {
  auto* allocate = named<void*(size_t, unsigned)>("kmem_kmalloc");
  auto* release = named<void(const void*)>("kmem_kfree");
  for (long i = 0; i < pairs; ++i) release(allocate(kSize, kGfpKernel));
}

void cache_pairs(long pairs) {
  auto* create = named<Cache*(const char*, unsigned, unsigned, unsigned, void (*)(void*))>("kmem_kmem_cache_create");
  auto* allocate = named<void*(Cache*, unsigned)>("kmem_kmem_cache_alloc");
  auto* release = named<void(Cache*, void*)>("kmem_kmem_cache_free");
  constexpr unsigned kOddSize = 72;  // a cache that kmalloc has too would be shared with it
  // The second run of the test: a constructor must not cost an instruction.
  void (*constructor)(void*) = nullptr;
  if (std::getenv("KMEM_GOLDEN_CONSTRUCTOR")) constructor = [](void*) {};
  static Cache* const cache = create("counted", kOddSize, 0, 0, constructor);
  for (long i = 0; i < pairs; ++i) release(cache, allocate(cache, kGfpKernel));
}

void page_pairs(long pairs) {
  auto* allocate = named<void*(unsigned, unsigned)>("kmem_alloc_pages");
  auto* release = named<void(void*, unsigned)>("kmem___free_pages");
  for (long i = 0; i < pairs; ++i) release(allocate(kGfpKernel, 0), 0);
}

/// 32 objects a call, in one slab: the first that the cache ever had.
void bulk_pairs(long pairs) {
  constexpr size_t kBulk = 32;
  auto* create = named<Cache*(const char*, unsigned, unsigned, unsigned, void (*)(void*))>("kmem_kmem_cache_create");
  auto* allocate = named<int(Cache*, unsigned, size_t, void**)>("kmem_kmem_cache_alloc_bulk");
  auto* release = named<void(Cache*, size_t, void**)>("kmem_kmem_cache_free_bulk");
  static Cache* const cache = create("counted-bulk", kSize, kSize, 0, nullptr);
  void* objects[kBulk];
  for (long i = 0; i < pairs; ++i) {
    allocate(cache, kGfpKernel, kBulk, objects);
    release(cache, kBulk, objects);
  }
}

void mempool_pairs(long pairs) {
  struct Pool;  // mempool_t
  using Alloc = void*(unsigned, void*);
  using Free = void(void*, void*);
  auto* create = named<Pool*(int, Alloc*, Free*, void*)>("kmem_mempool_create");
  auto* allocate = named<void*(Pool*, unsigned)>("kmem_mempool_alloc");
  auto* release = named<void(void*, Pool*)>("kmem_mempool_free");
  static Pool* const pool =
      create(4, named<Alloc>("kmem_mempool_kmalloc"), named<Free>("kmem_mempool_kfree"), reinterpret_cast<void*>(kSize));
  for (long i = 0; i < pairs; ++i) release(allocate(pool, kGfpKernel), pool);
}

using Pairs = void (*)(long);

Pairs find(const char* face) {
  constexpr struct {
    const char* name;
    Pairs run;
  } kFaces[] = {{"malloc", malloc_pairs}, {"aligned", aligned_pairs}, {"kmalloc", kmalloc_pairs}, {"cache", cache_pairs},
                {"page", page_pairs},     {"bulk", bulk_pairs},       {"mempool", mempool_pairs}, {"large", large_pairs}};
  for (const auto& f : kFaces)
    if (!std::strcmp(f.name, face)) return f.run;
  return nullptr;
}

}  // namespace

/// Valgrind counts what is executed from the beginning of this function to its end.
extern "C" __attribute__((noinline)) void counted(Pairs run, long pairs) { run(pairs); }

int main(int argc, char** argv) {
  const Pairs run = argc == 4 ? find(argv[2]) : nullptr;
  if (!run) {
    std::fputs("usage: fast_paths LIBRARY malloc|aligned|kmalloc|cache|page|bulk|mempool PAIRS\n", stderr);
    return 2;
  }
  be_on_cpu_0();
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    std::fprintf(stderr, "fast_paths: %s\n", dlerror());
    return 2;
  }
  const long pairs = std::atol(argv[3]);
  run(pairs);
  counted(run, pairs);
}
