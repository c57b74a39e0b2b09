// Keeps the library that contains kmem loaded for ever: threads point at descriptors of restartable sequences in it, which the
// kernel may read at any time, and the program may hold blocks of the heap. libkmem.so and libkmem-malloc.so are linked with -z
// nodelete; for a plugin that contains the static library this file does the same.

#include <dlfcn.h>
#include <link.h>

// Weak: they exist if anything can be unloaded, and a static program must not need them.
extern "C" {
__attribute__((weak)) void* dlopen(const char*, int) noexcept;
__attribute__((weak)) int dladdr1(const void*, Dl_info*, void**, int) noexcept;
}

namespace {

bool stays_by_itself(const link_map& object) {
  for (const ElfW(Dyn)* entry = object.l_ld; entry && entry->d_tag != DT_NULL; ++entry)
    if (entry->d_tag == DT_FLAGS_1) return entry->d_un.d_val & DF_1_NODELETE;
  return false;
}

// The program itself has no name.
[[gnu::constructor]] void stay_loaded() {
  Dl_info unused;
  void* object = nullptr;
  if (!dlopen || !dladdr1 || !dladdr1(reinterpret_cast<const void*>(&stay_loaded), &unused, &object, RTLD_DL_LINKMAP)) return;
  const auto* here = static_cast<const link_map*>(object);
  if (!*here->l_name || stays_by_itself(*here)) return;
  dlopen(here->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace
