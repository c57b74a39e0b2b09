#ifndef KMEM_LINUX_UIO_H
#define KMEM_LINUX_UIO_H
/* The source or destination of a transfer: pieces of user or kernel memory. Copies advance the iterator; bytes not copied
 * because of a bad address are not counted.  Task context.  Meaning: the kernel's <linux/uio.h>. */
#include <kmem/driver_face.h>
#include <linux/types.h>
#include <sys/uio.h>

struct kvec {
  void* iov_base;
  size_t iov_len;
};
enum iter_type { ITER_UBUF, ITER_IOVEC, ITER_KVEC };
#define ITER_SOURCE 1u /* data comes from it: a write */
#define ITER_DEST 0u
#ifndef READ
#define READ 0
#define WRITE 1
#endif

struct iov_iter {
  unsigned char iter_type;
  bool data_source;
  size_t iov_offset, count;
  /* user space's and the kernel's pieces look alike */
  const struct iovec* __iov;
  size_t nr_segs;
  struct iovec kmem_single;
  size_t kmem_done; /* bytes advanced so far */
};

struct page;
KMEM_BEGIN_C
KMEM_API void iov_iter_init(struct iov_iter* i, unsigned int direction, const struct iovec* iov, size_t nr, size_t count)
    KMEM_DRIVER_NAME(iov_iter_init);
KMEM_API void iov_iter_kvec(struct iov_iter* i, unsigned int direction, const struct kvec* kvec, size_t nr, size_t count)
    KMEM_DRIVER_NAME(iov_iter_kvec);
KMEM_API void iov_iter_ubuf(struct iov_iter* i, unsigned int direction, void* buffer, size_t count)
    KMEM_DRIVER_NAME(iov_iter_ubuf);
/** How many bytes were copied. */
KMEM_API size_t copy_to_iter(const void* from, size_t bytes, struct iov_iter* i) KMEM_DRIVER_NAME(copy_to_iter);
KMEM_API size_t copy_from_iter(void* to, size_t bytes, struct iov_iter* i) KMEM_DRIVER_NAME(copy_from_iter);
KMEM_API size_t iov_iter_zero(size_t bytes, struct iov_iter* i) KMEM_DRIVER_NAME(iov_iter_zero);
/** All or nothing: on failure the iterator is unchanged. */
KMEM_API bool copy_to_iter_full(const void* from, size_t bytes, struct iov_iter* i) KMEM_DRIVER_NAME(copy_to_iter_full);
KMEM_API bool copy_from_iter_full(void* to, size_t bytes, struct iov_iter* i) KMEM_DRIVER_NAME(copy_from_iter_full);
KMEM_API size_t copy_page_to_iter(struct page* page, size_t offset, size_t bytes, struct iov_iter* i)
    KMEM_DRIVER_NAME(copy_page_to_iter);
KMEM_API size_t copy_page_from_iter(struct page* page, size_t offset, size_t bytes, struct iov_iter* i)
    KMEM_DRIVER_NAME(copy_page_from_iter);
KMEM_API void iov_iter_advance(struct iov_iter* i, size_t bytes) KMEM_DRIVER_NAME(iov_iter_advance);
KMEM_API void iov_iter_revert(struct iov_iter* i, size_t bytes) KMEM_DRIVER_NAME(iov_iter_revert);
static inline size_t iov_iter_count(const struct iov_iter* i) { return i->count; }
static inline void iov_iter_truncate(struct iov_iter* i, u64 count) {
  if (i->count > count) i->count = (size_t)count;
}
static inline void iov_iter_reexpand(struct iov_iter* i, size_t count) { i->count = count; }
static inline bool iov_iter_is_kvec(const struct iov_iter* i) { return i->iter_type == ITER_KVEC; }
static inline bool iter_is_iovec(const struct iov_iter* i) { return i->iter_type == ITER_IOVEC; }
static inline bool iter_is_ubuf(const struct iov_iter* i) { return i->iter_type == ITER_UBUF; }
static inline bool user_backed_iter(const struct iov_iter* i) { return i->iter_type != ITER_KVEC; }
static inline unsigned char iov_iter_rw(const struct iov_iter* i) { return i->data_source ? WRITE : READ; }
static inline size_t iov_iter_single_seg_count(const struct iov_iter* i) {
  const size_t here = i->nr_segs ? i->__iov->iov_len - i->iov_offset : 0;
  return here < i->count ? here : i->count;
}
KMEM_END_C
#endif
