#pragma once
// Compiler attributes beyond standard C++.

#define KMEM_LIKELY(x) __builtin_expect(!!(x), 1)
#define KMEM_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define KMEM_NOINLINE __attribute__((noinline))
#define KMEM_INLINE inline __attribute__((always_inline))
#define KMEM_COLD __attribute__((cold, noinline))
#define KMEM_EXPORT __attribute__((visibility("default")))
#define KMEM_HIDDEN __attribute__((visibility("hidden")))

#if defined(__clang__)
#define KMEM_TSA(x) __attribute__((x))
#else
#define KMEM_TSA(x)
#endif
#define KMEM_CAPABILITY(name) KMEM_TSA(capability(name))
#define KMEM_GUARDED_BY(lock) KMEM_TSA(guarded_by(lock))
#define KMEM_REQUIRES(lock) KMEM_TSA(requires_capability(lock))
#define KMEM_EXCLUDES(lock) KMEM_TSA(locks_excluded(lock))
#define KMEM_TRY_ACQUIRE(result, ...) KMEM_TSA(try_acquire_capability(result __VA_OPT__(, ) __VA_ARGS__))
#define KMEM_NO_LOCK_CHECK KMEM_TSA(no_thread_safety_analysis)  // where a comment says why
#define KMEM_RELEASE(...) KMEM_TSA(release_capability(__VA_ARGS__))
