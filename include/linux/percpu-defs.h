#ifndef KMEM_LINUX_PERCPU_DEFS_H
#define KMEM_LINUX_PERCPU_DEFS_H
/* Per-CPU variables: definition, and access to copies. See <linux/percpu.h>. */
#include <kmem/percpu_rseq.h>
#include <linux/smp.h>
#ifdef __cplusplus
#include <type_traits>
#endif

#ifndef __percpu
#define __percpu
#endif

/* Definition ------------------------------------------------------------------------------------------------------- */

#define PER_CPU_BASE_SECTION "kmem_percpu"
#define KMEM_IN_PERCPU_SECTION __attribute__((__section__(PER_CPU_BASE_SECTION)))

/** Weak, so that the compiler loads the address from the GOT: the linker must not make a copy in the program of a variable of a
 *  shared object. */
#ifdef __clang__ /* which warns about that for a declaration after the definition, where it has no effect */
#define DECLARE_PER_CPU_SECTION(type, name, ignored)                                                                          \
  _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wignored-attributes\"") extern KMEM_IN_PERCPU_SECTION \
      __attribute__((__weak__)) __typeof__(type) name _Pragma("clang diagnostic pop")
#else
#define DECLARE_PER_CPU_SECTION(type, name, ignored) \
  extern KMEM_IN_PERCPU_SECTION __attribute__((__weak__)) __typeof__(type) name
#endif
#define DEFINE_PER_CPU_SECTION(type, name, ignored) KMEM_IN_PERCPU_SECTION __typeof__(type) name

#define DECLARE_PER_CPU(type, name) DECLARE_PER_CPU_SECTION(type, name, "")
/** `DEFINE_PER_CPU(long, hits) = 3;`: a variable of which each CPU has its own copy, with the given initial value.  At file
 *  scope, static or not.  In C++ the initial value must be a constant. */
#define DEFINE_PER_CPU(type, name) DEFINE_PER_CPU_SECTION(type, name, "")

#define KMEM_CACHE_LINE 64
#define DECLARE_PER_CPU_ALIGNED(type, name) DECLARE_PER_CPU(type, name) __attribute__((__aligned__(KMEM_CACHE_LINE)))
#define DEFINE_PER_CPU_ALIGNED(type, name) DEFINE_PER_CPU(type, name) __attribute__((__aligned__(KMEM_CACHE_LINE)))
/** For variables that other CPUs read often: in cache lines of their own. */
#define DECLARE_PER_CPU_SHARED_ALIGNED(type, name) DECLARE_PER_CPU_ALIGNED(type, name)
#define DEFINE_PER_CPU_SHARED_ALIGNED(type, name) DEFINE_PER_CPU_ALIGNED(type, name)
#define DECLARE_PER_CPU_PAGE_ALIGNED(type, name) DECLARE_PER_CPU(type, name) __attribute__((__aligned__(4096)))
#define DEFINE_PER_CPU_PAGE_ALIGNED(type, name) DEFINE_PER_CPU(type, name) __attribute__((__aligned__(4096)))
#define DECLARE_PER_CPU_READ_MOSTLY(type, name) DECLARE_PER_CPU(type, name)
#define DEFINE_PER_CPU_READ_MOSTLY(type, name) DEFINE_PER_CPU(type, name)
#define DECLARE_PER_CPU_FIRST(type, name) DECLARE_PER_CPU(type, name)
#define DEFINE_PER_CPU_FIRST(type, name) DEFINE_PER_CPU(type, name)
#define DECLARE_PER_CPU_CACHE_HOT(type, name) DECLARE_PER_CPU(type, name)
#define DEFINE_PER_CPU_CACHE_HOT(type, name) DEFINE_PER_CPU(type, name)

/** After the definition: other shared objects may use it. Protected, so that the linker reports an error instead of making a
 * copy in the program; clang cannot do that after the definition. */
#ifdef __clang__
#define EXPORT_PER_CPU_SYMBOL(name) extern __typeof__(name) name
#else
#define EXPORT_PER_CPU_SYMBOL(name) extern __attribute__((__visibility__("protected"))) __typeof__(name) name
#endif
#define EXPORT_PER_CPU_SYMBOL_GPL(name) EXPORT_PER_CPU_SYMBOL(name)

/* Access to a copy --------------------------------------------------------------------------------------------------- */

KMEM_BEGIN_C

/** This CPU's copy of the variable at that address. */
KMEM_API void* kmem_this_cpu_ptr(const volatile void* variable) KMEM_NOTHROW;
/** get_cpu(), and that copy. */
KMEM_API void* kmem_get_cpu_ptr(const volatile void* variable) KMEM_NOTHROW;
/** The slow path of a step; see percpu_rseq.h.  `how`: an operation and a size in bytes. */
KMEM_API uint64_t kmem_this_cpu_slow(void* variable, unsigned how, uint64_t value, uint64_t expected) KMEM_NOTHROW
    __attribute__((__cold__));

KMEM_END_C

/* A pointer's type without its own qualifiers; an array's becomes a pointer's. */
#ifdef __cplusplus
#define KMEM_POINTER_TYPE(ptr) __typeof__(+(ptr))
#else
#define KMEM_POINTER_TYPE(ptr) __typeof__(1 ? (ptr) : (ptr))
#endif

/** The copy of *ptr of CPU `cpu`; ptr is a variable's address, or a result of alloc_percpu(). */
#define per_cpu_ptr(ptr, cpu) \
  ((KMEM_POINTER_TYPE(ptr))((uintptr_t)(ptr) + KMEM_PERCPU_DISTANCE + (uintptr_t)(cpu)*KMEM_PERCPU_STRIDE))
#ifdef __cplusplus
/* No macro: kmem::per_cpu is a type. */
template <typename T, typename Cpu>
inline T& per_cpu(T& variable, Cpu cpu) {
  return *per_cpu_ptr(&variable, cpu);
}
#else
#define per_cpu(variable, cpu) (*per_cpu_ptr(&(variable), cpu))
#endif

/** This CPU's copy: exclusive in a section, or with preemption off; elsewhere the thread may be on another CPU by the time the
 * pointer is used. */
#define this_cpu_ptr(ptr) ((KMEM_POINTER_TYPE(ptr))kmem_this_cpu_ptr(ptr))
#define raw_cpu_ptr(ptr) this_cpu_ptr(ptr)
#define __this_cpu_ptr(ptr) this_cpu_ptr(ptr)

/** An lvalue of this CPU's copy, exclusively owned until put_cpu_var().  See <linux/smp.h>. */
#define get_cpu_var(variable) (*(KMEM_POINTER_TYPE(&(variable)))kmem_get_cpu_ptr(&(variable)))
#define put_cpu_var(variable) ((void)&(variable), kmem_put_cpu())
#define get_cpu_ptr(ptr) ((KMEM_POINTER_TYPE(ptr))kmem_get_cpu_ptr(ptr))
#define put_cpu_ptr(ptr) ((void)(ptr), kmem_put_cpu())

/* Steps ------------------------------------------------------------------------------------------------------------ */

/* The operations, as kmem::CpuOp has them; the size in bytes is added. */
#define KMEM_PERCPU_READ (0u << 4)
#define KMEM_PERCPU_WRITE (1u << 4)
#define KMEM_PERCPU_ADD (2u << 4)
#define KMEM_PERCPU_AND (3u << 4)
#define KMEM_PERCPU_OR (4u << 4)
#define KMEM_PERCPU_XCHG (5u << 4)
#define KMEM_PERCPU_CMPXCHG (6u << 4)
#define KMEM_PERCPU_ADD_RETURN (7u << 4)

#define KMEM_PERCPU_CHANGE(name, how)                                                         \
  KMEM_PERCPU_INLINE void kmem_percpu_##name(void* variable, unsigned size, uint64_t value) { \
    const int done = size == 1   ? kmem_percpu_try_##name##_8(variable, (uint8_t)value)       \
                     : size == 2 ? kmem_percpu_try_##name##_16(variable, (uint16_t)value)     \
                     : size == 4 ? kmem_percpu_try_##name##_32(variable, (uint32_t)value)     \
                                 : kmem_percpu_try_##name##_64(variable, value);              \
    if (__builtin_expect(!done, 0)) kmem_this_cpu_slow(variable, (how) | size, value, 0);     \
  }
KMEM_PERCPU_CHANGE(add, KMEM_PERCPU_ADD)
KMEM_PERCPU_CHANGE(and, KMEM_PERCPU_AND)
KMEM_PERCPU_CHANGE(or, KMEM_PERCPU_OR)
KMEM_PERCPU_CHANGE(write, KMEM_PERCPU_WRITE)
#undef KMEM_PERCPU_CHANGE

#define KMEM_PERCPU_ONE_SIZE(name, bits, ...)                                                              \
  {                                                                                                        \
    uint##bits##_t found;                                                                                  \
    if (__builtin_expect(kmem_percpu_try_##name##_##bits(variable, __VA_ARGS__ & found), 1)) return found; \
    break;                                                                                                 \
  }
KMEM_PERCPU_INLINE uint64_t kmem_percpu_read(void* variable, unsigned size) {
  switch (size) {
    case 1: KMEM_PERCPU_ONE_SIZE(read, 8, )
    case 2: KMEM_PERCPU_ONE_SIZE(read, 16, )
    case 4: KMEM_PERCPU_ONE_SIZE(read, 32, )
    default: KMEM_PERCPU_ONE_SIZE(read, 64, )
  }
  return kmem_this_cpu_slow(variable, KMEM_PERCPU_READ | size, 0, 0);
}
KMEM_PERCPU_INLINE uint64_t kmem_percpu_xchg(void* variable, unsigned size, uint64_t value) {
  switch (size) {
    case 1: KMEM_PERCPU_ONE_SIZE(xchg, 8, (uint8_t)value, )
    case 2: KMEM_PERCPU_ONE_SIZE(xchg, 16, (uint16_t)value, )
    case 4: KMEM_PERCPU_ONE_SIZE(xchg, 32, (uint32_t)value, )
    default: KMEM_PERCPU_ONE_SIZE(xchg, 64, value, )
  }
  return kmem_this_cpu_slow(variable, KMEM_PERCPU_XCHG | size, value, 0);
}
KMEM_PERCPU_INLINE uint64_t kmem_percpu_add_return(void* variable, unsigned size, uint64_t value) {
  switch (size) {
    case 1: KMEM_PERCPU_ONE_SIZE(add_return, 8, (uint8_t)value, )
    case 2: KMEM_PERCPU_ONE_SIZE(add_return, 16, (uint16_t)value, )
    case 4: KMEM_PERCPU_ONE_SIZE(add_return, 32, (uint32_t)value, )
    default: KMEM_PERCPU_ONE_SIZE(add_return, 64, value, )
  }
  return kmem_this_cpu_slow(variable, KMEM_PERCPU_ADD_RETURN | size, value, 0);
}
KMEM_PERCPU_INLINE uint64_t kmem_percpu_cmpxchg(void* variable, unsigned size, uint64_t expected, uint64_t value) {
  switch (size) {
    case 1: KMEM_PERCPU_ONE_SIZE(cmpxchg, 8, (uint8_t)expected, (uint8_t)value, )
    case 2: KMEM_PERCPU_ONE_SIZE(cmpxchg, 16, (uint16_t)expected, (uint16_t)value, )
    case 4: KMEM_PERCPU_ONE_SIZE(cmpxchg, 32, (uint32_t)expected, (uint32_t)value, )
    default: KMEM_PERCPU_ONE_SIZE(cmpxchg, 64, expected, value, )
  }
  return kmem_this_cpu_slow(variable, KMEM_PERCPU_CMPXCHG | size, value, expected);
}
#undef KMEM_PERCPU_ONE_SIZE

/* Types for steps have 1, 2, 4 or 8 bytes, and are not floating point. */
#ifdef __cplusplus
template <typename T>
struct kmem_percpu_scalar {
  static_assert((std::is_integral_v<T> || std::is_pointer_v<T> || std::is_enum_v<T>)&&sizeof(T) <= 8,
                "a per-CPU step wants an integer, an enumerator or a pointer");
  static constexpr unsigned size = sizeof(T);
};
#define KMEM_PERCPU_SIZE_OF(variable) (kmem_percpu_scalar<std::remove_cv_t<__typeof__(variable)>>::size)
#define KMEM_PERCPU_OUT(variable, ...) ((std::remove_cv_t<__typeof__(variable)>)(__VA_ARGS__))
#else
#define KMEM_PERCPU_SIZE_OF(variable)                                                                                          \
  ((unsigned)sizeof(char[(sizeof(variable) == 1 || sizeof(variable) == 2 || sizeof(variable) == 4 || sizeof(variable) == 8) && \
                                 __builtin_classify_type(variable) != 8                                                        \
                             ? (int)sizeof(variable)                                                                           \
                             : -1]))
#define KMEM_PERCPU_OUT(variable, ...) ((__typeof__(variable))(__VA_ARGS__))
#endif
#define KMEM_PERCPU_AT(variable) (void*)&(variable), KMEM_PERCPU_SIZE_OF(variable)
#define KMEM_PERCPU_IN(variable, value) ((uint64_t)(__typeof__(variable))(value))

/** One step on this CPU's copy of a variable of 1, 2, 4 or 8 bytes: `this_cpu_add(hits, 3)`,
 * `this_cpu_inc(stats->bytes)`. Atomic with respect to other threads and signal handlers, and on a single CPU's copy. Any
 * context; never waits. */
#define this_cpu_read(variable) KMEM_PERCPU_OUT(variable, kmem_percpu_read(KMEM_PERCPU_AT(variable)))
#define this_cpu_write(variable, value) kmem_percpu_write(KMEM_PERCPU_AT(variable), KMEM_PERCPU_IN(variable, value))
#define this_cpu_add(variable, value) kmem_percpu_add(KMEM_PERCPU_AT(variable), (uint64_t)(value))
#define this_cpu_sub(variable, value) kmem_percpu_add(KMEM_PERCPU_AT(variable), -(uint64_t)(value))
#define this_cpu_inc(variable) this_cpu_add(variable, 1)
#define this_cpu_dec(variable) this_cpu_sub(variable, 1)
#define this_cpu_and(variable, value) kmem_percpu_and(KMEM_PERCPU_AT(variable), (uint64_t)(value))
#define this_cpu_or(variable, value) kmem_percpu_or(KMEM_PERCPU_AT(variable), (uint64_t)(value))
/** These return the new value. */
#define this_cpu_add_return(variable, value) \
  KMEM_PERCPU_OUT(variable, kmem_percpu_add_return(KMEM_PERCPU_AT(variable), (uint64_t)(value)))
#define this_cpu_sub_return(variable, value) \
  KMEM_PERCPU_OUT(variable, kmem_percpu_add_return(KMEM_PERCPU_AT(variable), -(uint64_t)(value)))
#define this_cpu_inc_return(variable) this_cpu_add_return(variable, 1)
#define this_cpu_dec_return(variable) this_cpu_sub_return(variable, 1)
/** These return the old value. */
#define this_cpu_xchg(variable, value) \
  KMEM_PERCPU_OUT(variable, kmem_percpu_xchg(KMEM_PERCPU_AT(variable), KMEM_PERCPU_IN(variable, value)))
#define this_cpu_cmpxchg(variable, old_value, new_value)                                                       \
  KMEM_PERCPU_OUT(variable, kmem_percpu_cmpxchg(KMEM_PERCPU_AT(variable), KMEM_PERCPU_IN(variable, old_value), \
                                                KMEM_PERCPU_IN(variable, new_value)))
/** If the value is *old, stores the new one and returns true; else stores the current value in *old. */
#define this_cpu_try_cmpxchg(variable, old, new_value)              \
  __extension__({                                                   \
    __typeof__(old) kmem_old = (old);                               \
    __typeof__(variable) const kmem_wanted = *kmem_old;             \
    *kmem_old = this_cpu_cmpxchg(variable, kmem_wanted, new_value); \
    *kmem_old == kmem_wanted;                                       \
  })

/* In the kernel these are cheaper where the caller has preemption or interrupts off; here they are the same. */
#define __this_cpu_read(variable) this_cpu_read(variable)
#define __this_cpu_write(variable, value) this_cpu_write(variable, value)
#define __this_cpu_add(variable, value) this_cpu_add(variable, value)
#define __this_cpu_sub(variable, value) this_cpu_sub(variable, value)
#define __this_cpu_inc(variable) this_cpu_inc(variable)
#define __this_cpu_dec(variable) this_cpu_dec(variable)
#define __this_cpu_and(variable, value) this_cpu_and(variable, value)
#define __this_cpu_or(variable, value) this_cpu_or(variable, value)
#define __this_cpu_add_return(variable, value) this_cpu_add_return(variable, value)
#define __this_cpu_sub_return(variable, value) this_cpu_sub_return(variable, value)
#define __this_cpu_inc_return(variable) this_cpu_inc_return(variable)
#define __this_cpu_dec_return(variable) this_cpu_dec_return(variable)
#define __this_cpu_xchg(variable, value) this_cpu_xchg(variable, value)
#define __this_cpu_cmpxchg(variable, old_value, new_value) this_cpu_cmpxchg(variable, old_value, new_value)
#define __this_cpu_try_cmpxchg(variable, old, new_value) this_cpu_try_cmpxchg(variable, old, new_value)
#define raw_cpu_read(variable) this_cpu_read(variable)
#define raw_cpu_write(variable, value) this_cpu_write(variable, value)
#define raw_cpu_add(variable, value) this_cpu_add(variable, value)
#define raw_cpu_sub(variable, value) this_cpu_sub(variable, value)
#define raw_cpu_inc(variable) this_cpu_inc(variable)
#define raw_cpu_dec(variable) this_cpu_dec(variable)
#define raw_cpu_and(variable, value) this_cpu_and(variable, value)
#define raw_cpu_or(variable, value) this_cpu_or(variable, value)
#define raw_cpu_add_return(variable, value) this_cpu_add_return(variable, value)
#define raw_cpu_sub_return(variable, value) this_cpu_sub_return(variable, value)
#define raw_cpu_inc_return(variable) this_cpu_inc_return(variable)
#define raw_cpu_dec_return(variable) this_cpu_dec_return(variable)
#define raw_cpu_xchg(variable, value) this_cpu_xchg(variable, value)
#define raw_cpu_cmpxchg(variable, old_value, new_value) this_cpu_cmpxchg(variable, old_value, new_value)
#define raw_cpu_try_cmpxchg(variable, old, new_value) this_cpu_try_cmpxchg(variable, old, new_value)

#endif
