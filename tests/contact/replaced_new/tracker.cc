// What memory trackers do: one pair is replaced, with a header in front of each block, so that a block which came another way
// or goes another way is noticed.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

static long live, calls;

void* operator new(std::size_t n) {
  auto* p = static_cast<std::size_t*>(std::malloc(n + 16));
  if (!p) throw std::bad_alloc();
  p[0] = n;
  p[1] = 0x5eed5eed;
  live += static_cast<long>(n);
  ++calls;
  return p + 2;
}

void operator delete(void* block) noexcept {
  if (!block) return;
  auto* p = static_cast<std::size_t*>(block) - 2;
  if (p[1] != 0x5eed5eed) std::puts("a block that was never tracked"), std::abort();
  p[1] = 0;
  live -= static_cast<long>(p[0]);
  std::free(p);
}

struct Node {
  virtual ~Node() = default;
  int x[10] = {};
};

int main() {
  delete new Node;
  {
    std::vector<std::string> strings(100, std::string(1000, 'x'));
    std::unique_ptr<Node[]> nodes(new Node[7]);
  }
  int* array = new int[100];
  delete[] array;
  int* one = new (std::nothrow) int;
  operator delete(one, std::nothrow);
  int* some = new (std::nothrow) int[5];
  delete[] some;
  std::printf("%ld bytes live, %ld calls\n", live, calls);
}
