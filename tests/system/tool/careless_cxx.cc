// C++ whose handling of failure is wrong in the ways that its arguments name: for `kmem fail-nth` to find.
//   careless_cxx [noexcept] [leak] [nothrow] [destructor]
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

bool is_asked(int argc, char** argv, const char* what) {
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], what) == 0) return true;
  return false;
}

/// It throws all the same.
[[gnu::noinline]] std::size_t length_of_copy(const std::string& text) noexcept {
  return std::vector<char>(text.begin(), text.end()).size();
}

/// The first block is nobody's when the second cannot be had.
[[gnu::noinline]] void two_blocks() {
  static int* volatile first, * volatile second;  // seen, so that the compiler keeps them
  first = new int[500];
  second = new int[700];
  delete[] second;
  delete[] first;
}

/// The one that answers null instead.
[[gnu::noinline]] void unchecked() {
  auto* block = new (std::nothrow) char[3000];
  std::memset(block, 1, 3000);
  delete[] block;
}

struct Log {
  std::vector<std::string> lines;
  ~Log() { lines.push_back("closed, in a line that is too long for a short string"); }
};

}  // namespace

int main(int argc, char** argv) try {
  if (is_asked(argc, argv, "noexcept")) length_of_copy(std::string(2000, 'x'));
  if (is_asked(argc, argv, "leak")) two_blocks();
  if (is_asked(argc, argv, "nothrow")) unchecked();
  if (is_asked(argc, argv, "destructor")) Log{}.lines.reserve(1);
  auto kept = std::make_unique<char[]>(5000);  // as it should be
  std::memset(kept.get(), 1, 5000);
  return 0;
} catch (const std::bad_alloc&) {
  return 0;
}
