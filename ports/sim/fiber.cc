#include "fiber.h"

#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__)
#define KMEM_SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KMEM_SIM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define KMEM_SIM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KMEM_SIM_TSAN 1
#endif
#endif

#ifdef KMEM_SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef KMEM_SIM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace sim_port {

Fiber::Fiber() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    void* bottom = nullptr;
    pthread_attr_getstack(&attributes, &bottom, &stack_bytes_);
    stack_ = bottom;
    pthread_attr_destroy(&attributes);
  }
#ifdef KMEM_SIM_TSAN
  sanitizer_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(void (*entry)()) : own_stack_(new char[kStackBytes]), stack_(own_stack_.get()), stack_bytes_(kStackBytes) {
  getcontext(&context_);
  context_.uc_stack.ss_sp = own_stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  makecontext(&context_, entry, 0);
#ifdef KMEM_SIM_TSAN
  sanitizer_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#ifdef KMEM_SIM_TSAN
  if (own_stack_) __tsan_destroy_fiber(sanitizer_);
#endif
}

void Fiber::go(Fiber& from, Fiber& to) {
#ifdef KMEM_SIM_ASAN
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, to.stack_, to.stack_bytes_);
#endif
#ifdef KMEM_SIM_TSAN
  __tsan_switch_to_fiber(to.sanitizer_, 0);
#endif
  swapcontext(&from.context_, &to.context_);
#ifdef KMEM_SIM_ASAN
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void Fiber::entered() {
#ifdef KMEM_SIM_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

}  // namespace sim_port
