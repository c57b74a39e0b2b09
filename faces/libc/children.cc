// vfork() and clone(), in front of libc's: see ports/linux/vfork.cc.
//
// In the shared libraries they have libc's own version and are hidden beyond that: they serve only callers that were linked
// with libc's vfork() and clone(). Another library's function named clone() is not affected. In the archives they are weak, so
// that a program with such a function links as before.

#if defined(__x86_64__)
#define KMEM_LIBC_VERSION "GLIBC_2.2.5"
#define KMEM_GO_TO(function) "endbr64\n\tjmp " #function
#else
#define KMEM_LIBC_VERSION "GLIBC_2.17"
#define KMEM_GO_TO(function) "b " #function
#endif

#ifdef KMEM_SHARED_LIBRARY
#define KMEM_STAND_FOR(name, function) \
  asm(".text\n.globl kmem_stands_for_" #name "\n"                  \
      ".type kmem_stands_for_" #name ", %function\n"               \
      "kmem_stands_for_" #name ":\n\t" KMEM_GO_TO(function) "\n"   \
      ".size kmem_stands_for_" #name ", . - kmem_stands_for_" #name "\n" \
      ".symver kmem_stands_for_" #name ", " #name "@" KMEM_LIBC_VERSION ", remove\n")
#else
#define KMEM_STAND_FOR(name, function) \
  asm(".text\n.weak " #name "\n"                     \
      ".type " #name ", %function\n"                 \
      #name ":\n\t" KMEM_GO_TO(function) "\n"        \
      ".size " #name ", . - " #name "\n")
#endif

KMEM_STAND_FOR(vfork, kmem_vfork);
KMEM_STAND_FOR(__vfork, kmem_vfork);
KMEM_STAND_FOR(clone, kmem_clone);
