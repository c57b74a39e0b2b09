#ifndef KMEM_LINUX_STRINGHASH_H
#define KMEM_LINUX_STRINGHASH_H
/* Hashes of names, with a salt; and a hash and a length in one word.  Any context. */
#include <kmem/driver_face.h>
#include <linux/hash.h>
#include <linux/types.h>

KMEM_BEGIN_C
/** A name character by character: begin, each character, end. */
#define init_name_hash(salt) ((unsigned long)(salt))
static inline unsigned long partial_name_hash(unsigned long character, unsigned long hash) {
  return (hash + (character << 4) + (character >> 4)) * 11;
}
static inline unsigned int end_name_hash(unsigned long hash) { return (unsigned int)hash_long(hash, 32); }
/** The same for a name of n characters. */
KMEM_API unsigned int full_name_hash(const void* salt, const char* name, unsigned int n) KMEM_DRIVER_NAME(full_name_hash);
/** The hash of a text, in the low half, and its length, in the high half. */
KMEM_API u64 hashlen_string(const void* salt, const char* name) KMEM_DRIVER_NAME(hashlen_string);
KMEM_END_C

#define hashlen_hash(hashlen) ((u32)(hashlen))
#define hashlen_len(hashlen) ((u32)((hashlen) >> 32))
#define hashlen_create(hash, n) ((u64)(n) << 32 | (u32)(hash))
#endif
