#pragma once
// The stacks of a thread that has no restartable sequences: a shadow CPU of its own, claimed once and released when the thread
// ends (shadows.cc). No other thread works there, so plain loads and stores suffice; only a signal handler on top of the
// thread, or a remote CPU that takes the sheaf, can come in between.
//
// The word kShadowState of a shadow CPU tells its owner:
//
//   state         the shadow is
//   ───────────   ───────────────────────────────────────────────────────────────────────────────────────────────
//   kFree         free: any thread may lock it for one call, or claim it
//   kLocked       locked for one call
//   kOwned        owned by a thread that is not working on it
//   larger        owned by a thread that is working on it: a position on its stack
//
// A handler that finds its own thread at work uses another path, as a caller does that finds a lock taken. If a handler is left
// by siglongjmp(), the word stays set. A later call at the same stack position recognises that the recorded frame
// no longer exists, and continues; until then calls use the other path.
//
// A remote CPU closes the slot, fences, and then reads the state, because a working thread may have read the slot before
// (sync/cpu_words.h). So the store of "at work" must be visible before all other accesses of the thread, which the fence
// ensures, and the store that ends it after all of them, which a release ensures.

#include "base/attributes.h"
#include "base/sanitizer.h"

/// This thread's own words; null: it has none.
extern "C" KMEM_HIDDEN __thread uint64_t* kmem_own_words __attribute__((tls_model("initial-exec")));

namespace kmem {

struct ShadowState {
  static constexpr uint64_t kFree = 0, kLocked = 1, kOwned = 2;
};

/// try_pop() and the other functions of port/cpu_stack.h for such a thread; for any other thread they find nothing.
struct OwnStack {
  static KMEM_INLINE void* try_pop(char* base, Slot slot) {
    uint64_t* words = kmem_own_words;
    if (!words || !begin(words)) return nullptr;
    const uint64_t word = load(words[slot.index]);
    void* top = load(*entry(base, word));
    if (top) store(words[slot.index], word + kWordStep);
    end(words);
    if (top) KMEM_TAKES(top);
    return top;
  }

  static KMEM_INLINE Push try_push(char* base, Slot slot, const void* p) {
    uint64_t* words = kmem_own_words;
    if (!words || !begin(words)) return Push::Full;
    KMEM_GIVES(p);
    const uint64_t word = load(words[slot.index]);
    void** top = entry(base, word);
    const Push result = load(*top) == p ? Push::Same : !(word & 0xff) ? Push::Full : Push::Done;
    if (KMEM_LIKELY(result == Push::Done)) {
      __atomic_store_n(top - 1, const_cast<void*>(p), __ATOMIC_RELAXED);
      store(words[slot.index], word - kWordStep);
    }
    end(words);
    return result;
  }

  template <ptrdiff_t kDivisors>
  static KMEM_INLINE Push try_push_object(char* base, Slot slot, const void* p) {
    const auto* divisor = reinterpret_cast<const uint32_t*>(base + kDivisors) + size_t{2} * slot.index;
    const uint32_t to_end = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p)) | divisor[0];
    return to_end * divisor[1] < divisor[1] ? try_push(base, slot, p) : Push::Inside;
  }

  static KMEM_INLINE bool replace(uint64_t* words, Slot slot, uint64_t expected, uint64_t desired) {
    if (!begin(words)) return false;
    const bool same = load(words[slot.index]) == expected;
    if (same) store(words[slot.index], desired);
    end(words);
    return same;
  }

 private:
  template <typename T>
  static KMEM_INLINE T load(const T& from) {
    return __atomic_load_n(&from, __ATOMIC_RELAXED);
  }
  static KMEM_INLINE void store(uint64_t& to, uint64_t value) { __atomic_store_n(&to, value, __ATOMIC_RELEASE); }
  static KMEM_INLINE void** entry(char* base, uint64_t word) { return reinterpret_cast<void**>(base + word * kWordUnit); }

  static KMEM_INLINE uint64_t stack_pointer() {
    uint64_t here;
#if defined(__x86_64__)
    asm("movq %%rsp, %0" : "=r"(here));
#else
    asm("mov %0, sp" : "=r"(here));
#endif
    return here;
  }
  static KMEM_INLINE bool begin(uint64_t* words) {
    const uint64_t here = stack_pointer(), seen = load(words[kShadowState]);
    if (KMEM_UNLIKELY(seen != ShadowState::kOwned && seen != here)) return false;
    __atomic_store_n(words + kShadowState, here, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return true;
  }
  static KMEM_INLINE void end(uint64_t* words) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    store(words[kShadowState], ShadowState::kOwned);
  }
};

}  // namespace kmem
