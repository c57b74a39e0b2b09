#ifndef KMEM_LINUX_CIRC_BUF_H
#define KMEM_LINUX_CIRC_BUF_H
/* A ring of a power of two of bytes: the writer moves head, the reader tail; one byte stays free. */
struct circ_buf {
  char* buf;
  int head;
  int tail;
};
/** Bytes in it, and bytes that fit; and how many of them before the ring's end. */
#define CIRC_CNT(head, tail, size) (((head) - (tail)) & ((size)-1))
#define CIRC_SPACE(head, tail, size) CIRC_CNT((tail), ((head) + 1), (size))
#define CIRC_CNT_TO_END(head, tail, size)                \
  __extension__({                                        \
    const int kmem_end = (size) - (tail);                \
    const int kmem_n = ((head) + kmem_end) & ((size)-1); \
    kmem_n < kmem_end ? kmem_n : kmem_end;               \
  })
#define CIRC_SPACE_TO_END(head, tail, size)              \
  __extension__({                                        \
    const int kmem_end = (size)-1 - (head);              \
    const int kmem_n = (kmem_end + (tail)) & ((size)-1); \
    kmem_n <= kmem_end ? kmem_n : kmem_end + 1;          \
  })
#endif
