// A library to be opened and closed while the program runs: it allocates in its constructor, in thread-local objects
// and on request; all of that crosses the border to the program.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {
std::vector<std::string> words;
thread_local std::vector<std::string> thread_words;
struct Filler {
  Filler() {
    for (int i = 0; i < 1000; ++i) words.push_back(std::string(size_t(i), 'p'));
  }
} filler;
}  // namespace

extern "C" {
void* plugin_allocate(size_t n) { return memset(malloc(n), 0x33, n); }
void plugin_free(void* p) { free(p); }
size_t plugin_count() {
  for (int i = 0; i < 100; ++i) thread_words.push_back(words[size_t(i)]);
  return words.size() + thread_words.size();
}
}
