// Words and how often they come, with every path right that is taken when memory runs out.  `kmem fail-nth` proves it:
//
//   kmem fail-nth --both -- ./word_count a.txt b.txt
//
// fails the first allocation of the program, then the second, and so on, once and from then on, and finds nothing.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

class Counts {
 public:
  /// All words of a file, or none of them: what was counted before stays as it was.  False where it cannot be read.
  bool add_file(const char* name) {
    const File file(std::fopen(name, "r"));
    if (!file) return false;
    std::map<std::string, long> more = counts_;
    std::string word;
    for (int c; (c = std::getc(file.get())) != EOF;) {
      if (std::isalpha(c)) word.push_back(static_cast<char>(std::tolower(c)));
      else if (!word.empty()) ++more[word], word.clear();
    }
    if (!word.empty()) ++more[word];
    counts_.swap(more);  // does not fail
    return true;
  }
  void print_most_frequent(std::size_t n) const {
    std::vector<std::pair<long, const std::string*>> sorted;
    sorted.reserve(counts_.size());
    for (const auto& [word, count] : counts_) sorted.emplace_back(-count, &word);
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size() && i < n; ++i)
      std::printf("%7ld %s\n", -sorted[i].first, sorted[i].second->c_str());
  }
  std::size_t size() const { return counts_.size(); }

 private:
  std::map<std::string, long> counts_;
};

}  // namespace

int main(int argc, char** argv) {
  Counts counts;
  int skipped = 0;
  for (int i = 1; i < argc; ++i) {
    try {
      if (!counts.add_file(argv[i])) std::fprintf(stderr, "word_count: %s cannot be read\n", argv[i]), ++skipped;
    } catch (const std::bad_alloc&) {
      std::fprintf(stderr, "word_count: no memory for %s; it is left out\n", argv[i]), ++skipped;
    }
  }
  try {
    counts.print_most_frequent(10);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "word_count: no memory to sort %zu words\n", counts.size());
    return 2;
  }
  return skipped ? 1 : 0;
}
