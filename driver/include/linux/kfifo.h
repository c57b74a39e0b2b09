#ifndef KMEM_LINUX_KFIFO_H
#define KMEM_LINUX_KFIFO_H
/* Queues of elements of one type, or of records of bytes with a length of their own, in a ring whose size is a power of two.
 * One writer and one reader need no lock; several writers, or readers, lock among themselves, or use the _spinlocked forms.
 *
 *   DEFINE_KFIFO(name, type, n)        static, n elements
 *   DECLARE_KFIFO(name, type, n)       the same in a struct, with INIT_KFIFO()
 *   DECLARE_KFIFO_PTR(name, type)      with kfifo_alloc() (n is rounded up), or kfifo_init() over a buffer (rounded down)
 *   STRUCT_KFIFO_REC_1(n), _REC_2(n)   records of up to 255 or 65535 bytes
 *
 * Amounts are elements; of records, bytes, and a record goes in and out as a whole or not at all: reading with less room than
 * the record has loses the rest of it.  Any context, but for allocation and user space's memory.
 *
 * Meaning: the kernel's <linux/kfifo.h>. */
#include <kmem/driver_face.h>
#include <linux/compiler_types.h>
#include <linux/errno.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/** The ring: `in` and `out` count on without end, and their difference is the length. */
struct __kfifo {
  unsigned int in, out;
  unsigned int mask;  /* the size less one; 0: not initialised */
  unsigned int esize; /* bytes of an element */
  void* data;
};

/* The other members have no value but a type: the element's, and the size of a record's length. */
#define KMEM_KFIFO_(type_name, record_length, place) \
  {                                                  \
    union {                                          \
      struct __kfifo kfifo;                          \
      type_name* type;                               \
      const type_name* const_type;                   \
      char (*rectype)[record_length];                \
    };                                               \
    type_name buf place;                             \
  }
#define KMEM_KFIFO_PLACE_(n) [((n) < 2 || ((n) & ((n)-1))) ? -1 : (n)]
#define STRUCT_KFIFO(type, size) struct KMEM_KFIFO_(type, 0, KMEM_KFIFO_PLACE_(size))
#define STRUCT_KFIFO_PTR(type) struct KMEM_KFIFO_(type, 0, [0])
#define STRUCT_KFIFO_REC_1(size) struct KMEM_KFIFO_(unsigned char, 1, KMEM_KFIFO_PLACE_(size))
#define STRUCT_KFIFO_REC_2(size) struct KMEM_KFIFO_(unsigned char, 2, KMEM_KFIFO_PLACE_(size))
#ifndef __cplusplus /* where a member may not have its class's name */
struct kfifo KMEM_KFIFO_(unsigned char, 0, [0]);
#endif
struct kfifo_rec_ptr_1 KMEM_KFIFO_(unsigned char, 1, [0]);
struct kfifo_rec_ptr_2 KMEM_KFIFO_(unsigned char, 2, [0]);

#define DECLARE_KFIFO_PTR(fifo, type) STRUCT_KFIFO_PTR(type) fifo
#define DECLARE_KFIFO(fifo, type, size) STRUCT_KFIFO(type, size) fifo
#define DEFINE_KFIFO(fifo, type, size) DECLARE_KFIFO(fifo, type, size) = {{{0, 0, (size)-1, sizeof(type), &(fifo).buf[0]}}, {}}

KMEM_BEGIN_C
/** Kept by all macros below; `n` is in elements, `record_length` is 1 or 2. */
KMEM_API int __kfifo_alloc(struct __kfifo* fifo, unsigned int n, size_t esize, gfp_t flags) KMEM_DRIVER_NAME(__kfifo_alloc);
KMEM_API void __kfifo_free(struct __kfifo* fifo) KMEM_DRIVER_NAME(__kfifo_free);
KMEM_API int __kfifo_init(struct __kfifo* fifo, void* buffer, unsigned int bytes, size_t esize) KMEM_DRIVER_NAME(__kfifo_init);
KMEM_API unsigned int __kfifo_in(struct __kfifo* fifo, const void* from, unsigned int n) KMEM_DRIVER_NAME(__kfifo_in);
KMEM_API unsigned int __kfifo_out(struct __kfifo* fifo, void* to, unsigned int n) KMEM_DRIVER_NAME(__kfifo_out);
KMEM_API unsigned int __kfifo_out_peek(struct __kfifo* fifo, void* to, unsigned int n) KMEM_DRIVER_NAME(__kfifo_out_peek);
KMEM_API unsigned int __kfifo_out_linear(struct __kfifo* fifo, unsigned int* tail, unsigned int n)
    KMEM_DRIVER_NAME(__kfifo_out_linear);
KMEM_API int __kfifo_from_user(struct __kfifo* fifo, const void __user* from, unsigned long bytes, unsigned int* copied)
    KMEM_DRIVER_NAME(__kfifo_from_user);
KMEM_API int __kfifo_to_user(struct __kfifo* fifo, void __user* to, unsigned long bytes, unsigned int* copied)
    KMEM_DRIVER_NAME(__kfifo_to_user);
KMEM_API unsigned int __kfifo_dma_in_prepare(struct __kfifo* fifo, struct scatterlist* pieces, int nr, unsigned int n)
    KMEM_DRIVER_NAME(__kfifo_dma_in_prepare);
KMEM_API unsigned int __kfifo_dma_out_prepare(struct __kfifo* fifo, struct scatterlist* pieces, int nr, unsigned int n)
    KMEM_DRIVER_NAME(__kfifo_dma_out_prepare);

KMEM_API unsigned int __kfifo_max_r(unsigned int bytes, size_t record_length) KMEM_DRIVER_NAME(__kfifo_max_r);
KMEM_API unsigned int __kfifo_len_r(struct __kfifo* fifo, size_t record_length) KMEM_DRIVER_NAME(__kfifo_len_r);
KMEM_API void __kfifo_skip_r(struct __kfifo* fifo, size_t record_length) KMEM_DRIVER_NAME(__kfifo_skip_r);
KMEM_API unsigned int __kfifo_in_r(struct __kfifo* fifo, const void* from, unsigned int bytes, size_t record_length)
    KMEM_DRIVER_NAME(__kfifo_in_r);
KMEM_API unsigned int __kfifo_out_r(struct __kfifo* fifo, void* to, unsigned int bytes, size_t record_length)
    KMEM_DRIVER_NAME(__kfifo_out_r);
KMEM_API unsigned int __kfifo_out_peek_r(struct __kfifo* fifo, void* to, unsigned int bytes, size_t record_length)
    KMEM_DRIVER_NAME(__kfifo_out_peek_r);
KMEM_API int __kfifo_from_user_r(struct __kfifo* fifo, const void __user* from, unsigned long bytes, unsigned int* copied,
                                 size_t record_length) KMEM_DRIVER_NAME(__kfifo_from_user_r);
KMEM_API int __kfifo_to_user_r(struct __kfifo* fifo, void __user* to, unsigned long bytes, unsigned int* copied,
                               size_t record_length) KMEM_DRIVER_NAME(__kfifo_to_user_r);
KMEM_API unsigned int __kfifo_dma_in_prepare_r(struct __kfifo* fifo, struct scatterlist* pieces, int nr, unsigned int bytes,
                                               size_t record_length) KMEM_DRIVER_NAME(__kfifo_dma_in_prepare_r);
KMEM_API void __kfifo_dma_in_finish_r(struct __kfifo* fifo, unsigned int bytes, size_t record_length)
    KMEM_DRIVER_NAME(__kfifo_dma_in_finish_r);
KMEM_API unsigned int __kfifo_dma_out_prepare_r(struct __kfifo* fifo, struct scatterlist* pieces, int nr, unsigned int bytes,
                                                size_t record_length) KMEM_DRIVER_NAME(__kfifo_dma_out_prepare_r);
KMEM_API void __kfifo_dma_out_finish_r(struct __kfifo* fifo, size_t record_length) KMEM_DRIVER_NAME(__kfifo_dma_out_finish_r);

/* The reader sees what the writer stored before it moved `in`, and the writer what the reader has read before it moved
 * `out`. */
static inline unsigned int kmem_kfifo_len_(const struct __kfifo* fifo) {
  const unsigned int out = __atomic_load_n(&fifo->out, __ATOMIC_ACQUIRE);
  return __atomic_load_n(&fifo->in, __ATOMIC_ACQUIRE) - out;
}
static inline void kmem_kfifo_reset_(struct __kfifo* fifo) { fifo->in = fifo->out = 0; }
static inline void kmem_kfifo_reset_out_(struct __kfifo* fifo) {
  __atomic_store_n(&fifo->out, __atomic_load_n(&fifo->in, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}
static inline void kmem_kfifo_move_(unsigned int* end, unsigned int n) { __atomic_store_n(end, *end + n, __ATOMIC_RELEASE); }
static inline unsigned int kmem_kfifo_avail_(const struct __kfifo* fifo, size_t record_length) {
  const unsigned int room = fifo->mask + 1 - kmem_kfifo_len_(fifo);
  if (!record_length) return room;
  return room <= record_length ? 0 : __kfifo_max_r(room - (unsigned int)record_length, record_length);
}
KMEM_END_C

#define kfifo_initialized(fifo) ((fifo)->kfifo.mask)
#define kfifo_esize(fifo) ((fifo)->kfifo.esize)
#define kfifo_recsize(fifo) (sizeof(*(fifo)->rectype))
/** How many elements fit. */
#define kfifo_size(fifo) ((fifo)->kfifo.mask + 1)
#define INIT_KFIFO(fifo)                                                                      \
  (void)__extension__({                                                                       \
    __typeof__(&(fifo)) const kmem_f = &(fifo);                                               \
    const unsigned int kmem_n = (unsigned int)(sizeof(kmem_f->buf) / sizeof(kmem_f->buf[0])); \
    kmem_f->kfifo.in = kmem_f->kfifo.out = 0;                                                 \
    kmem_f->kfifo.mask = kmem_n ? kmem_n - 1 : 0;                                             \
    kmem_f->kfifo.esize = sizeof(*kmem_f->buf);                                               \
    kmem_f->kfifo.data = kmem_n ? (void*)kmem_f->buf : NULL;                                  \
  })
/** 0; -ENOMEM; -EINVAL: fewer than two.  For fifos that are pointers; the others have their memory. */
#define kfifo_alloc(fifo, n, flags) \
  (sizeof((fifo)->buf) ? -EINVAL : __kfifo_alloc(&(fifo)->kfifo, (n), sizeof(*(fifo)->type), (flags)))
#define kfifo_free(fifo) (sizeof((fifo)->buf) ? (void)0 : __kfifo_free(&(fifo)->kfifo))
#define kfifo_init(fifo, buffer, bytes) \
  (sizeof((fifo)->buf) ? -EINVAL : __kfifo_init(&(fifo)->kfifo, (buffer), (bytes), sizeof(*(fifo)->type)))
/** Empties it; neither a reader nor a writer may be at it. */
#define kfifo_reset(fifo) kmem_kfifo_reset_(&(fifo)->kfifo)
/** Empties it; the reader's call. */
#define kfifo_reset_out(fifo) kmem_kfifo_reset_out_(&(fifo)->kfifo)
#define kfifo_len(fifo) kmem_kfifo_len_(&(fifo)->kfifo)
#define kfifo_is_empty(fifo) (kfifo_len(fifo) == 0)
#define kfifo_is_full(fifo) (kmem_kfifo_avail_(&(fifo)->kfifo, 0) == 0)
/** How many elements fit now; of records, the largest record that does. */
#define kfifo_avail(fifo) kmem_kfifo_avail_(&(fifo)->kfifo, kfifo_recsize(fifo))
/** Bytes of the next record; without records, of all that is in. */
#define kfifo_peek_len(fifo)                                                \
  (kfifo_recsize(fifo) ? __kfifo_len_r(&(fifo)->kfifo, kfifo_recsize(fifo)) \
                       : (unsigned int)(kfifo_len(fifo) * sizeof(*(fifo)->type)))
/** Drops the next element, or record. */
#define kfifo_skip(fifo) \
  (kfifo_recsize(fifo) ? __kfifo_skip_r(&(fifo)->kfifo, kfifo_recsize(fifo)) : kmem_kfifo_move_(&(fifo)->kfifo.out, 1))
#define kfifo_skip_count(fifo, n) \
  (kfifo_recsize(fifo) ? __kfifo_skip_r(&(fifo)->kfifo, kfifo_recsize(fifo)) : kmem_kfifo_move_(&(fifo)->kfifo.out, (n)))

/** One element: 1, or 0 where it is full, or empty. */
#define kfifo_put(fifo, value)                                                                                     \
  __extension__({                                                                                                  \
    __typeof__(fifo) const kmem_f = (fifo);                                                                        \
    const __typeof__(*kmem_f->type) kmem_value = (value);                                                          \
    (unsigned int)(kfifo_recsize(kmem_f)                                                                           \
                       ? __kfifo_in_r(&kmem_f->kfifo, &kmem_value, sizeof(kmem_value), kfifo_recsize(kmem_f)) != 0 \
                       : __kfifo_in(&kmem_f->kfifo, &kmem_value, 1));                                              \
  })
#define kfifo_get(fifo, to) KMEM_KFIFO_ONE_(fifo, to, __kfifo_out, __kfifo_out_r)
/** As kfifo_get(), and the element stays. */
#define kfifo_peek(fifo, to) KMEM_KFIFO_ONE_(fifo, to, __kfifo_out_peek, __kfifo_out_peek_r)
#define KMEM_KFIFO_ONE_(fifo, to, plain, record)                                                                         \
  __extension__({                                                                                                        \
    __typeof__(fifo) const kmem_f = (fifo);                                                                              \
    __typeof__(kmem_f->type) const kmem_to = (to);                                                                       \
    (unsigned int)(kfifo_recsize(kmem_f) ? record(&kmem_f->kfifo, kmem_to, sizeof(*kmem_to), kfifo_recsize(kmem_f)) != 0 \
                                         : plain(&kmem_f->kfifo, kmem_to, 1));                                           \
  })
/** Many elements, or one record: returns how many went in, or out. */
#define kfifo_in(fifo, from, n)                                                                 \
  __extension__({                                                                               \
    __typeof__(fifo) const kmem_f = (fifo);                                                     \
    __typeof__(kmem_f->const_type) const kmem_from = (from);                                    \
    kfifo_recsize(kmem_f) ? __kfifo_in_r(&kmem_f->kfifo, kmem_from, (n), kfifo_recsize(kmem_f)) \
                          : __kfifo_in(&kmem_f->kfifo, kmem_from, (n));                         \
  })
#define kfifo_out(fifo, to, n) KMEM_KFIFO_MANY_(fifo, to, n, __kfifo_out, __kfifo_out_r)
#define kfifo_out_peek(fifo, to, n) KMEM_KFIFO_MANY_(fifo, to, n, __kfifo_out_peek, __kfifo_out_peek_r)
#define KMEM_KFIFO_MANY_(fifo, to, n, plain, record)                                                                           \
  __extension__({                                                                                                              \
    __typeof__(fifo) const kmem_f = (fifo);                                                                                    \
    __typeof__(kmem_f->type) const kmem_to = (to);                                                                             \
    kfifo_recsize(kmem_f) ? record(&kmem_f->kfifo, kmem_to, (n), kfifo_recsize(kmem_f)) : plain(&kmem_f->kfifo, kmem_to, (n)); \
  })
/** Where the next elements are, and how many of n are in one piece there; kfifo_skip_count() drops them.  Not of records. */
#define kfifo_out_linear(fifo, tail, n) __kfifo_out_linear(&(fifo)->kfifo, (tail), (n))
#define kfifo_out_linear_ptr(fifo, to, n)                                            \
  __extension__({                                                                    \
    unsigned int kmem_tail;                                                          \
    __typeof__(fifo) const kmem_g = (fifo);                                          \
    const unsigned int kmem_n = __kfifo_out_linear(&kmem_g->kfifo, &kmem_tail, (n)); \
    *(to) = (__typeof__(kmem_g->type))kmem_g->kfifo.data + kmem_tail;                \
    kmem_n;                                                                          \
  })

/* With a lock around it: the first form whatever the interrupts are, the second where no interrupt takes it. */
#define KMEM_KFIFO_LOCKED_(lock, call)        \
  __extension__({                             \
    unsigned long kmem_flags;                 \
    spin_lock_irqsave(lock, kmem_flags);      \
    const unsigned int kmem_done = (call);    \
    spin_unlock_irqrestore(lock, kmem_flags); \
    kmem_done;                                \
  })
#define KMEM_KFIFO_LOCKED_PLAIN_(lock, call) \
  __extension__({                            \
    spin_lock(lock);                         \
    const unsigned int kmem_done = (call);   \
    spin_unlock(lock);                       \
    kmem_done;                               \
  })
#define kfifo_in_spinlocked(fifo, from, n, lock) KMEM_KFIFO_LOCKED_(lock, kfifo_in(fifo, from, n))
#define kfifo_in_spinlocked_noirqsave(fifo, from, n, lock) KMEM_KFIFO_LOCKED_PLAIN_(lock, kfifo_in(fifo, from, n))
#define kfifo_in_locked(fifo, from, n, lock) kfifo_in_spinlocked(fifo, from, n, lock)
#define kfifo_out_spinlocked(fifo, to, n, lock) KMEM_KFIFO_LOCKED_(lock, kfifo_out(fifo, to, n))
#define kfifo_out_spinlocked_noirqsave(fifo, to, n, lock) KMEM_KFIFO_LOCKED_PLAIN_(lock, kfifo_out(fifo, to, n))
#define kfifo_out_locked(fifo, to, n, lock) kfifo_out_spinlocked(fifo, to, n, lock)
#define kfifo_is_empty_spinlocked(fifo, lock) KMEM_KFIFO_LOCKED_(lock, kfifo_is_empty(fifo))
#define kfifo_is_empty_spinlocked_noirqsave(fifo, lock) KMEM_KFIFO_LOCKED_PLAIN_(lock, kfifo_is_empty(fifo))

/** Between it and user space: 0 and *copied bytes, or -EFAULT.  Without records whole elements alone move, and those before a
 *  fault count.  Task context. */
#define kfifo_from_user(fifo, from, bytes, copied)                                                           \
  (kfifo_recsize(fifo) ? __kfifo_from_user_r(&(fifo)->kfifo, (from), (bytes), (copied), kfifo_recsize(fifo)) \
                       : __kfifo_from_user(&(fifo)->kfifo, (from), (bytes), (copied)))
#define kfifo_to_user(fifo, to, bytes, copied)                                                           \
  (kfifo_recsize(fifo) ? __kfifo_to_user_r(&(fifo)->kfifo, (to), (bytes), (copied), kfifo_recsize(fifo)) \
                       : __kfifo_to_user(&(fifo)->kfifo, (to), (bytes), (copied)))

/** For a device that reads or writes the ring itself: writes its room for `n` elements (of records: for one of that many
 *  bytes),
 *  or what is in, into up to `nr` pieces of a list, without an end mark, and returns how many; 0: it does not fit, or nothing
 * is
 *  in.  The other call says that the device is done: with how many bytes. */
#define kfifo_dma_in_prepare(fifo, pieces, nr, n)                                                           \
  (kfifo_recsize(fifo) ? __kfifo_dma_in_prepare_r(&(fifo)->kfifo, (pieces), (nr), (n), kfifo_recsize(fifo)) \
                       : __kfifo_dma_in_prepare(&(fifo)->kfifo, (pieces), (nr), (n)))
#define kfifo_dma_in_finish(fifo, bytes)                                                       \
  (kfifo_recsize(fifo) ? __kfifo_dma_in_finish_r(&(fifo)->kfifo, (bytes), kfifo_recsize(fifo)) \
                       : kmem_kfifo_move_(&(fifo)->kfifo.in, (unsigned int)((bytes) / sizeof(*(fifo)->type))))
#define kfifo_dma_out_prepare(fifo, pieces, nr, n)                                                           \
  (kfifo_recsize(fifo) ? __kfifo_dma_out_prepare_r(&(fifo)->kfifo, (pieces), (nr), (n), kfifo_recsize(fifo)) \
                       : __kfifo_dma_out_prepare(&(fifo)->kfifo, (pieces), (nr), (n)))
#define kfifo_dma_out_finish(fifo, bytes)                                              \
  (kfifo_recsize(fifo) ? __kfifo_dma_out_finish_r(&(fifo)->kfifo, kfifo_recsize(fifo)) \
                       : kmem_kfifo_move_(&(fifo)->kfifo.out, (unsigned int)((bytes) / sizeof(*(fifo)->type))))
#endif
