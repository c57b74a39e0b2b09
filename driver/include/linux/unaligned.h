/* Of 6.12: the same header. */
#include <asm/unaligned.h>
