// A server's requests: a memory pool that makes progress though its allocator has run dry, typed objects in bulk, and a
// container whose nodes come from a cache.
#include <kmem/kmem.hpp>

#include <chrono>
#include <cstdio>
#include <list>
#include <thread>
#include <vector>

struct Request {
  explicit Request(int n) : number(n) {}
  int number;
  char data[100] = {};
};

int main() {
  // Four requests are held back: whatever else the program does with its memory, four are always under way.
  kmem::mempool<Request> requests("request", 4);
  std::vector<std::thread> workers;
  for (int k = 0; k < 8; ++k)
    workers.emplace_back([&, k] {
      for (int i = 0; i < 1000; ++i) {
        auto request = requests.make(k * 1000 + i);  // waits if need be, and does not fail
        if (request->number != k * 1000 + i) std::printf("BAD\n");
      }
    });
  for (auto& worker : workers) worker.join();
  std::printf("8000 requests served, %d in reserve\n", requests.native()->curr_nr);

  // Who can't wait for ever says how long.
  if (auto request = requests.make_for(std::chrono::milliseconds(50), 1)) std::printf("one more in time\n");

  // Many objects at once, all or none.
  kmem::cache<Request> cache("bulk_request");
  std::vector<kmem::cache<Request>::handle> burst(32);
  cache.make_bulk(GFP_KERNEL, burst.data(), burst.size(), 7);
  std::printf("32 at once, the last is %d\n", burst.back()->number);
  cache.end_bulk(burst.data(), burst.size());

  // A list whose nodes are objects of a cache of their own.
  kmem_cache_t* nodes = kmem_cache_create("list_node", 32, 0, SLAB_HWCACHE_ALIGN, NULL);
  {
    std::list<int, kmem::cache_allocator<int>> numbers{kmem::cache_source(nodes)};
    for (int i = 0; i < 100; ++i) numbers.push_back(i);
    std::printf("a list of %zu\n", numbers.size());
  }
  return kmem_cache_destroy(nodes);
}
