#ifndef KMEM_LINUX_COMPILER_ATTRIBUTES_H
#define KMEM_LINUX_COMPILER_ATTRIBUTES_H
/* Attributes by their kernel names.  A name that the C library has as well (<sys/cdefs.h>) keeps its meaning. */

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif
#ifndef noinline
#define noinline __attribute__((__noinline__))
#endif
#define noinline_for_stack noinline
#define __noclone
#define __flatten __attribute__((__flatten__))
#define __no_instrument_function
#define notrace
#define noinstr noinline
#define __cpuidle
#define __nocfi
#define __no_kasan_or_inline __always_inline
#define __no_sanitize_or_inline __always_inline
#define __no_kcsan
#define __no_sanitize_address
#define __no_profile
#define asmlinkage
#define __visible
#define __latent_entropy
#define __no_randomize_layout
#define __randomize_layout
#define randomized_struct_fields_start
#define randomized_struct_fields_end
#define __designated_init
#ifndef __attribute_const__
#define __attribute_const__ __attribute__((__const__))
#endif

#ifndef __maybe_unused
#define __maybe_unused __attribute__((__unused__))
#endif
#define __always_unused __attribute__((__unused__))
#ifndef __used
#define __used __attribute__((__used__))
#endif
#ifndef __packed
#define __packed __attribute__((__packed__))
#endif
#ifndef __aligned
#define __aligned(bytes) __attribute__((__aligned__(bytes)))
#endif
#define __aligned_largest __attribute__((__aligned__))
#ifndef __must_check
#define __must_check __attribute__((__warn_unused_result__))
#endif
#ifndef __pure
#define __pure __attribute__((__pure__))
#endif
#ifndef __cold
#define __cold __attribute__((__cold__))
#endif
#define __hot __attribute__((__hot__))
#ifndef __malloc
#define __malloc __attribute__((__malloc__))
#endif
#define __printf(format, first) __attribute__((__format__(__printf__, format, first)))
#define __scanf(format, first) __attribute__((__format__(__scanf__, format, first)))
#ifndef __section
#define __section(name) __attribute__((__section__(name)))
#endif
#ifndef __weak
#define __weak __attribute__((__weak__))
#endif
#define __alias(symbol) __attribute__((__alias__(#symbol)))
#define __noreturn __attribute__((__noreturn__))
#define __mode(mode) __attribute__((__mode__(mode)))
#define __assume_aligned(...) __attribute__((__assume_aligned__(__VA_ARGS__)))
#define __gnu_inline __attribute__((__gnu_inline__))
#define __cleanup(function) __attribute__((__cleanup__(function)))
#define __nonstring
#ifndef __counted_by
#define __counted_by(member)
#endif
#define __read_mostly
#define __ro_after_init
#define ____cacheline_aligned __attribute__((__aligned__(64)))
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#define __cacheline_aligned ____cacheline_aligned
#define __cacheline_aligned_in_smp ____cacheline_aligned
#define ____cacheline_internodealigned_in_smp ____cacheline_aligned
#define __cacheline_group_begin(group)
#define __cacheline_group_end(group)
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif

#endif
