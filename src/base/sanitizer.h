#pragma once
// Annotations for ThreadSanitizer: it cannot see the assembly of the restartable sequences that hand objects over through the
// per-CPU words. They do nothing in other builds.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KMEM_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define KMEM_TSAN 1
#endif

#ifdef KMEM_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#define KMEM_GIVES(address) __tsan_release(const_cast<void*>(static_cast<const volatile void*>(address)))
#define KMEM_TAKES(address) __tsan_acquire(const_cast<void*>(static_cast<const volatile void*>(address)))
#else
#define KMEM_GIVES(address) (void)0
#define KMEM_TAKES(address) (void)0
#endif
