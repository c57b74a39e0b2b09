#pragma once
// Annotations for ThreadSanitizer, which do nothing in other builds: it cannot see the assembly of the restartable sequences
// that hand objects over through the per-CPU words, and does not know which words are read while they change.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KMEM_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define KMEM_TSAN 1
#endif

#include "base/attributes.h"

namespace kmem {

/// A word that opens and closes fast paths, read while another thread may change it: whichever value is seen is right. A plain
/// load, which the compiler can make a part of a comparison; ThreadSanitizer is told that it is meant.
template <typename T>
KMEM_INLINE T shown(const T& word) {
#ifdef KMEM_TSAN
  T value;
  __atomic_load(&word, &value, __ATOMIC_RELAXED);
  return value;
#else
  return word;
#endif
}
template <typename T, typename U>
inline void show(T& word, U value) {
  T to = static_cast<T>(value);
  __atomic_store(&word, &to, __ATOMIC_RELAXED);
}

}  // namespace kmem

#ifdef KMEM_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#define KMEM_GIVES(address) __tsan_release(const_cast<void*>(static_cast<const volatile void*>(address)))
#define KMEM_TAKES(address) __tsan_acquire(const_cast<void*>(static_cast<const volatile void*>(address)))
#else
#define KMEM_GIVES(address) (void)0
#define KMEM_TAKES(address) (void)0
#endif
