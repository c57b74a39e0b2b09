// At level 2 of `hardened` kmalloc() chooses among copies of its caches by the calling code: blocks that are allocated in
// different places of a program mostly lie in different slabs.
#include <linux/slab.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include "check.h"

namespace {

constexpr size_t kSize = 64, kNrSites = 32, kNrEach = 199;

using Pages = std::set<uintptr_t>;

/// A call of kmalloc() of its own for each number.
template <size_t kNumber>
__attribute__((noinline)) void* allocate() {
  void* p = kmalloc(kSize, GFP_KERNEL);
  asm volatile("" : "+r"(p) : "i"(kNumber));  // no two of these functions become one, and none jumps to kmalloc()
  return p;
}
template <size_t... kNumbers>
std::vector<Pages> pages_by_site(std::index_sequence<kNumbers...>) {
  void* (*const sites[])() = {allocate<kNumbers>...};
  std::vector<Pages> pages;
  for (auto* site : sites) {
    pages.emplace_back();
    for (size_t i = 0; i < kNrEach; ++i) pages.back().insert(reinterpret_cast<uintptr_t>(site()) / PAGE_SIZE);
  }
  return pages;
}
bool meet(const Pages& a, const Pages& b) {
  for (const uintptr_t page : a)
    if (b.count(page)) return true;
  return false;
}

/// How many groups of sites there are whose blocks share no page with another group's.
size_t nr_groups() {
  std::vector<Pages> groups;
  for (const Pages& pages : pages_by_site(std::make_index_sequence<kNrSites>())) {
    Pages mine = pages;
    std::vector<Pages> others;
    for (Pages& group : groups) {
      if (meet(group, mine)) mine.insert(group.begin(), group.end());
      else others.push_back(std::move(group));
    }
    others.push_back(std::move(mine));
    groups = std::move(others);
  }
  return groups.size();
}

struct Case {
  const char* words;
  size_t least, most;
};
// 32 sites in 8 copies: by chance alone there are fewer than 5 in one of 10^7 runs.
constexpr Case kCases[] = {{"hardened=2", 5, 8}, {"hardened=1", 1, 2}, {"", 1, 2}};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const Case& expected = kCases[argv[1][0] - '0'];
    const size_t nr = nr_groups();
    CHECK(expected.least <= nr && nr <= expected.most);
    if (failures) printf("%zu groups\n", nr);
    return failures != 0;
  }
  for (const Case& each : kCases) {
    const char number[2] = {static_cast<char>('0' + (&each - kCases)), 0};
    const pid_t child = fork();
    if (!child) {
      setenv("KMEM", each.words, 1);
      execl("/proc/self/exe", argv[0], number, static_cast<char*>(nullptr));
      _exit(9);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (failures) return printf("with KMEM=%s\n", each.words), 1;
  }
  return 0;
}
