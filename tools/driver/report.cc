#include "report.h"

#include <dlfcn.h>
#include <kmem/driver.h>
#include <kmem/leaks.h>
#include <kmem/stats.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <vector>

#include "stacks.h"

namespace kmem::driver_host {
namespace {

/// The module's variables, without what the dynamic linker has filled in: from begin to end.
struct Variables {
  unsigned long of;
  char *begin = nullptr, *end = nullptr;
};

int find_variables(dl_phdr_info* info, size_t, void* data) {
  auto* v = static_cast<Variables*>(data);
  char *begin = nullptr, *end = nullptr, *linked = nullptr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    char* at = reinterpret_cast<char*>(info->dlpi_addr + part.p_vaddr);
    if (part.p_type == PT_LOAD && (part.p_flags & PF_W)) begin = at, end = at + part.p_memsz;
    if (part.p_type == PT_GNU_RELRO) linked = at + part.p_memsz;
  }
  if (v->of < reinterpret_cast<unsigned long>(begin) || v->of >= reinterpret_cast<unsigned long>(end)) return 0;
  v->begin = linked ? std::max(begin, linked) : begin;
  v->end = end;
  return 1;
}

/// Pages that nobody has touched are left alone: the room for copies of per-CPU variables is large, and most of it stays empty.
void clear_touched(char* begin, char* end) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  while (begin < end) {
    char* start = begin - reinterpret_cast<uintptr_t>(begin) % page;
    char* next = std::min(end, start + page);
    unsigned char touched = 1;
    if (!mincore(start, page, &touched) && (touched & 1)) {
      // Not memset(), by which AddressSanitizer would see what lies between the variables.
      for (volatile char* at = begin; at != next; ++at) *at = 0;
    }
    begin = next;
  }
}

/// Of what lies between the two, all that can be written to.
void clear(char* begin, char* end) {
  FILE* maps = std::fopen("/proc/self/maps", "re");
  if (!maps) return;
  char line[512];
  while (std::fgets(line, sizeof line, maps)) {
    unsigned long from = 0, to = 0;
    char access[5] = "";
    if (std::sscanf(line, "%lx-%lx %4s", &from, &to, access) != 3 || access[1] != 'w') continue;
    clear_touched(std::max(begin, reinterpret_cast<char*>(from)), std::min(end, reinterpret_cast<char*>(to)));
  }
  std::fclose(maps);
}

/// In a copy of this process, in which the variables may be lost.
size_t search(module* unloaded, const std::vector<Stack>& stacks) {
  for (const Stack& stack : stacks) madvise(stack.begin, stack.bytes, MADV_DONTNEED);
  Variables v = {reinterpret_cast<unsigned long>(unloaded)};
  if (unloaded) dl_iterate_phdr(find_variables, &v);
  clear(v.begin, v.end);
  kmem_leak_totals totals = {};
  if (kmem_leak_scan(-1, &totals)) return 0;
  if (totals.leaked_blocks) kmem_leak_summary(STDERR_FILENO, &totals);
  return totals.leaked_bytes;
}

size_t lost_blocks(module* unloaded) {
  int ends[2];
  if (pipe(ends)) return 0;
  const std::vector<Stack> stacks = other_stacks();  // of threads that the copy does not have
  const pid_t child = fork();
  if (!child) {
    const size_t bytes = search(unloaded, stacks);
    [[maybe_unused]] const ssize_t n = ::write(ends[1], &bytes, sizeof bytes);
    _exit(0);
  }
  ::close(ends[1]);
  size_t bytes = 0;
  const bool told = child > 0 && ::read(ends[0], &bytes, sizeof bytes) == sizeof bytes;
  ::close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  if (!told) std::fprintf(stderr, "kmem driver: the search for lost memory failed\n");
  return told ? bytes : 0;
}

/// Who mapped an area is a number there; of a module that is the place in its file.
std::string with_place(const std::string& line) {
  unsigned long caller = 0;
  int before = 0, behind = 0;
  Dl_info where;
  if (std::sscanf(line.c_str(), "%*s %*s %n%lx%n", &before, &caller, &behind) < 1 || !caller) return line;
  if (!dladdr(reinterpret_cast<void*>(caller), &where) || !where.dli_fname) return line;
  char place[64];
  std::snprintf(place, sizeof place, "+0x%lx", caller - reinterpret_cast<unsigned long>(where.dli_fbase));
  const char* slash = std::strrchr(where.dli_fname, '/');
  return line.substr(0, static_cast<size_t>(before)) + (slash ? slash + 1 : where.dli_fname) + place +
         line.substr(static_cast<size_t>(behind));
}

std::set<std::string> mapped() {
  std::string text(kmem_vmallocinfo(nullptr, 0) + 4096, 0);
  text.resize(std::min(kmem_vmallocinfo(text.data(), text.size()), text.size() - 1));
  std::set<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (line.find(" unpurged ") == std::string::npos) lines.insert(line);  // those are freed, and kept for later
  return lines;
}

}  // namespace

Held Held::now() { return {mapped()}; }

size_t report_lost(module* unloaded, const Held& before) {
  size_t bytes = lost_blocks(unloaded);
  for (const std::string& line : mapped()) {
    if (before.areas.count(line)) continue;
    unsigned long size = 0;
    std::sscanf(line.c_str(), "%*s %lu", &size);
    bytes += size;
    std::fprintf(stderr, "kmem driver: still mapped: %s\n", with_place(line).c_str());
  }
  return bytes;
}

bool say_mistakes() {
  const unsigned long n = kmem_driver_mistakes();
  if (n)
    std::fprintf(stderr, "kmem driver: %lu mistake%s of the driver %s reported\n", n, n > 1 ? "s" : "", n > 1 ? "were" : "was");
  return n;
}

}  // namespace kmem::driver_host
