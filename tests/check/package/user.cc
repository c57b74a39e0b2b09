// The same from C++, where the standard library's containers are around too.
#include <linux/slab.h>

#include <cstdio>
#include <cstring>
#include <string>

int main() {
  const std::string text = "kmalloc works";
  auto* copy = static_cast<char*>(kmalloc(text.size() + 1, GFP_KERNEL));
  if (!copy) return 1;
  std::memcpy(copy, text.c_str(), text.size() + 1);
  std::puts(copy);
  kfree(copy);
}
