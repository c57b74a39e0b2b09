#ifndef KMEM_LINUX_PACKING_H
#define KMEM_LINUX_PACKING_H
/* Fields of bits in a buffer whose layout is that of some hardware: bit 0 is the lowest of the last byte, unless quirks say
 * that
 * words of four bytes have their lowest byte first, or the lowest word comes first, or bytes have bit 7 on the right.  Any
 * context.
 * Meaning: the kernel's Documentation/core-api/packing.rst. */
#include <kmem/driver_face.h>
#include <linux/bits.h>
#include <linux/types.h>

#define QUIRK_MSB_ON_THE_RIGHT BIT(0)
#define QUIRK_LITTLE_ENDIAN BIT(1)
#define QUIRK_LSW32_IS_FIRST BIT(2)
enum packing_op { PACK, UNPACK };

KMEM_BEGIN_C
/** Moves bits startbit, the higher, to endbit between the buffer and *value.  -EINVAL: the bits are the wrong way round;
 *  -ERANGE: more
 *  than 64, outside of the buffer, or a value that does not fit. */
KMEM_API int packing(void* buffer, u64* value, int startbit, int endbit, size_t bytes, enum packing_op operation, u8 quirks)
    KMEM_DRIVER_NAME(packing);
KMEM_END_C
#endif
