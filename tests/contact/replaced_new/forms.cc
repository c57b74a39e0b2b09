// Every form of operator new and delete used once, in a program that has one form, or a few, for itself: REPLACES, a list of
// names below.  A line for each use says how often the program's own came up, and what a nothrow form made of an exception.
#include <cstdio>
#include <cstdlib>
#include <new>

#define new_ 1
#define new_array 2
#define new_nothrow 4
#define new_array_nothrow 8
#define new_aligned 0x10
#define new_array_aligned 0x20
#define new_aligned_nothrow 0x40
#define new_array_aligned_nothrow 0x80
#define delete_ 0x100
#define delete_array 0x200
#define delete_nothrow 0x400
#define delete_array_nothrow 0x800
#define delete_sized 0x1000
#define delete_array_sized 0x2000
#define delete_aligned 0x4000
#define delete_array_aligned 0x8000
#define delete_aligned_nothrow 0x10000
#define delete_array_aligned_nothrow 0x20000
#define delete_aligned_sized 0x40000
#define delete_array_aligned_sized 0x80000

namespace {

using Size = std::size_t;
using Align = std::align_val_t;
const std::nothrow_t& nothrow = std::nothrow;
constexpr Size kTooMuch = 4321;  // for the program's own forms
int calls;

[[maybe_unused]] void* own_new(Size size, Size align) {
  ++calls;
  if (size == kTooMuch) throw std::bad_alloc();
  return align ? std::aligned_alloc(align, (size + align - 1) / align * align) : std::malloc(size);
}

[[maybe_unused]] void* own_nothrow(Size size, Size align) {
  ++calls;
  return align ? std::aligned_alloc(align, (size + align - 1) / align * align) : std::malloc(size);
}

[[maybe_unused]] void own_delete(void* p) {
  ++calls;
  std::free(p);
}

}  // namespace

#if REPLACES & new_
void* operator new(Size n) { return own_new(n, 0); }
#endif
#if REPLACES & new_array
void* operator new[](Size n) { return own_new(n, 0); }
#endif
#if REPLACES & new_nothrow
void* operator new(Size n, const std::nothrow_t&) noexcept { return own_nothrow(n, 0); }
#endif
#if REPLACES & new_array_nothrow
void* operator new[](Size n, const std::nothrow_t&) noexcept { return own_nothrow(n, 0); }
#endif
#if REPLACES & new_aligned
void* operator new(Size n, Align a) { return own_new(n, Size(a)); }
#endif
#if REPLACES & new_array_aligned
void* operator new[](Size n, Align a) { return own_new(n, Size(a)); }
#endif
#if REPLACES & new_aligned_nothrow
void* operator new(Size n, Align a, const std::nothrow_t&) noexcept { return own_nothrow(n, Size(a)); }
#endif
#if REPLACES & new_array_aligned_nothrow
void* operator new[](Size n, Align a, const std::nothrow_t&) noexcept { return own_nothrow(n, Size(a)); }
#endif
#if REPLACES & delete_
void operator delete(void* p) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_array
void operator delete[](void* p) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_nothrow
void operator delete(void* p, const std::nothrow_t&) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_array_nothrow
void operator delete[](void* p, const std::nothrow_t&) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_sized
void operator delete(void* p, Size) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_array_sized
void operator delete[](void* p, Size) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_aligned
void operator delete(void* p, Align) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_array_aligned
void operator delete[](void* p, Align) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_aligned_nothrow
void operator delete(void* p, Align, const std::nothrow_t&) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_array_aligned_nothrow
void operator delete[](void* p, Align, const std::nothrow_t&) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_aligned_sized
void operator delete(void* p, Size, Align) noexcept { own_delete(p); }
#endif
#if REPLACES & delete_array_aligned_sized
void operator delete[](void* p, Size, Align) noexcept { own_delete(p); }
#endif

namespace {

constexpr Size kSize = 100;
constexpr Align kAlign{256};

template <typename Use>
void show(const char* form, Use use) {
  calls = 0;
  use();
  std::printf("%s: %d\n", form, calls);
}

template <typename Allocate>
void show_new(const char* form, Allocate allocate) {
  void* p = nullptr;
  show(form, [&] { p = allocate(kSize); });
  std::free(p);  // as all forms here come down to malloc
  const char* ended = "null";
  void* q = nullptr;
  try {
    q = allocate(kTooMuch);
    if (q) ended = "memory";
  } catch (const std::bad_alloc&) {
    ended = "an exception";
  }
  std::printf("%s, too much: %s\n", form, ended);
  std::free(q);
}

template <typename Free>
void show_delete(const char* form, Free free_it) {
  void* p = std::aligned_alloc(256, 256);
  show(form, [&] { free_it(p); });
}

}  // namespace

#ifdef TAKES_ADDRESSES
void* (*volatile address_of_new)(Size) = &operator new;
void* (*volatile address_of_new_array)(Size) = &operator new[];
void (*volatile address_of_delete)(void*) = &operator delete;
void (*volatile address_of_delete_array)(void*) = &operator delete[];
#endif

int main() {
  show_new("new", [](Size n) { return operator new(n); });
  show_new("new[]", [](Size n) { return operator new[](n); });
  show_new("new nothrow", [](Size n) { return operator new(n, nothrow); });
  show_new("new[] nothrow", [](Size n) { return operator new[](n, nothrow); });
  show_new("new aligned", [](Size n) { return operator new(n, kAlign); });
  show_new("new[] aligned", [](Size n) { return operator new[](n, kAlign); });
  show_new("new aligned nothrow", [](Size n) { return operator new(n, kAlign, nothrow); });
  show_new("new[] aligned nothrow", [](Size n) { return operator new[](n, kAlign, nothrow); });
  show_delete("delete", [](void* p) { operator delete(p); });
  show_delete("delete[]", [](void* p) { operator delete[](p); });
  show_delete("delete nothrow", [](void* p) { operator delete(p, nothrow); });
  show_delete("delete[] nothrow", [](void* p) { operator delete[](p, nothrow); });
  show_delete("delete sized", [](void* p) { operator delete(p, kSize); });
  show_delete("delete[] sized", [](void* p) { operator delete[](p, kSize); });
  show_delete("delete aligned", [](void* p) { operator delete(p, kAlign); });
  show_delete("delete[] aligned", [](void* p) { operator delete[](p, kAlign); });
  show_delete("delete aligned nothrow", [](void* p) { operator delete(p, kAlign, nothrow); });
  show_delete("delete[] aligned nothrow", [](void* p) { operator delete[](p, kAlign, nothrow); });
  show_delete("delete aligned sized", [](void* p) { operator delete(p, kSize, kAlign); });
  show_delete("delete[] aligned sized", [](void* p) { operator delete[](p, kSize, kAlign); });
}
