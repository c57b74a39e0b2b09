// Runs the calls that docs/route.md follows, and prints which functions were entered: the files that the page names are
// compiled with -finstrument-functions.  The script `run` beside this compares the order with the page.

#include <linux/slab.h>

#include <cstdio>
#include <set>
#include <vector>

namespace {

constexpr size_t kMost = size_t{1} << 22;

struct Trace {
  const char* name;
  size_t first, end;
};

void* entered[kMost];
size_t nr_entered = 0;
bool on = false;
void* first_object;

[[gnu::no_instrument_function]] void note(void* function) {
  if (on && nr_entered < kMost) entered[nr_entered++] = function;
}

template <typename Call>
Trace trace(const char* name, Call call) {
  Trace t{name, nr_entered, 0};
  on = true;
  call();
  on = false;
  t.end = nr_entered;
  return t;
}

Trace first, second, freed, drained;

// Before the constructors of kmem, so that this call is the one that boots it.
[[gnu::constructor(101)]] void call_first() {
  first = trace("first", [] { first_object = kmalloc(100, GFP_KERNEL); });
}

/// Of the last and longest one each function once.
void print(const Trace& t) {
  std::set<void*> printed;
  for (size_t i = t.first; i < t.end; ++i)
    if (printed.insert(entered[i]).second || &t != &drained) std::printf("%s %p\n", t.name, entered[i]);
}

}  // namespace

extern "C" {
[[gnu::no_instrument_function]] void __cyg_profile_func_enter(void* function, void*);
[[gnu::no_instrument_function]] void __cyg_profile_func_exit(void*, void*);

void __cyg_profile_func_enter(void* function, void*) { note(function); }
void __cyg_profile_func_exit(void*, void*) {}
}

int main() {
  void* p = nullptr;
  second = trace("second", [&] { p = kmalloc(100, GFP_KERNEL); });
  freed = trace("freed", [&] { kfree(p); });
  std::vector<void*> many;
  for (int i = 0; i < 30'000; ++i) many.push_back(kmalloc(100, GFP_KERNEL));
  drained = trace("drained", [&] {
    for (void* one : many) kfree(one);
  });
  std::printf("main %p\n", reinterpret_cast<void*>(main));
  for (const Trace* t : {&first, &second, &freed, &drained}) print(*t);
  const bool whole = first_object && p && nr_entered < kMost;
  kfree(first_object);
  return whole ? 0 : 1;
}
