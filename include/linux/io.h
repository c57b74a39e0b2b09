#ifndef KMEM_LINUX_IO_H
#define KMEM_LINUX_IO_H
#include <asm/io.h>
#endif
