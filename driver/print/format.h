#pragma once
// Text by the kernel's printf conversions.

#include <stdarg.h>
#include <stddef.h>

namespace kmem_driver {

/// The rest of a va_list, passed on by reference.
struct Arguments {
  va_list list;
};

/// Text in a caller's buffer; characters that do not fit are counted.
class Output {
 public:
  Output(char* buffer, size_t size) : buffer_(buffer), size_(size) {}
  void put(char c) {
    if (used_ + 1 < size_) buffer_[used_] = c;
    ++used_;
  }
  void put(const char* text) {
    while (*text) put(*text++);
  }
  void print(const char* format, ...) __attribute__((format(printf, 2, 3)));
  /// Terminates the text; returns its length, or the length that it would have.
  int end() {
    if (size_) buffer_[used_ < size_ ? used_ : size_ - 1] = 0;
    return static_cast<int>(used_);
  }

 private:
  char* buffer_;
  size_t size_, used_ = 0;
};

/// For an object that is unloaded: forgets its pr_debug() sites.
void forget_debug_sites(const void* begin, const void* end);

/// One conversion of a format string.
struct Conversion {
  char flags[8] = "";
  int width = -1, precision = -1;
  char length[3] = "";
  char letter = 0;
};

/// Prints %p with its letters; returns how many letters belong to it.
size_t print_pointer(Output& out, const Conversion& how, const char* letters, const void* pointer);
int print_all(char* buffer, size_t size, const char* format, va_list arguments);

}  // namespace kmem_driver
