#ifndef KMEM_LINUX_LIBGCC_H
#define KMEM_LINUX_LIBGCC_H
/* A long long and its halves: types of the functions that compilers call on 32-bit machines. */
#include <kmem/driver_face.h>
#include <linux/compiler.h>
#include <linux/types.h>

typedef int word_type __attribute__((__mode__(__word__)));
struct DWstruct {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  int high, low;
#else
  int low, high;
#endif
};
typedef union {
  struct DWstruct s;
  long long ll;
} DWunion;
#endif
