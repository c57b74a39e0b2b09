#ifndef KMEM_LINUX_UUID_H
#define KMEM_LINUX_UUID_H
/* Universally unique identifiers: uuid_t with its bytes as they are written, guid_t with the first three fields
 * little-endian. */
#include <kmem/driver_face.h>
#include <linux/types.h>

#define UUID_SIZE 16
#define UUID_STRING_LEN 36
typedef struct {
  u8 b[UUID_SIZE];
} uuid_t;
typedef struct {
  u8 b[UUID_SIZE];
} guid_t;
typedef guid_t uuid_le;

#define KMEM_BYTES_BE16_(x) (u8)((x) >> 8), (u8)(x)
#define KMEM_BYTES_LE16_(x) (u8)(x), (u8)((x) >> 8)
#define UUID_INIT(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                                                     \
  KMEM_UUID_LITERAL_(uuid_t) {                                                                                                 \
    {                                                                                                                          \
      KMEM_BYTES_BE16_((u32)(a) >> 16), KMEM_BYTES_BE16_(a), KMEM_BYTES_BE16_(b), KMEM_BYTES_BE16_(c), d0, d1, d2, d3, d4, d5, \
          d6, d7                                                                                                               \
    }                                                                                                                          \
  }
#define GUID_INIT(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                                                     \
  KMEM_UUID_LITERAL_(guid_t) {                                                                                                 \
    {                                                                                                                          \
      KMEM_BYTES_LE16_(a), KMEM_BYTES_LE16_((u32)(a) >> 16), KMEM_BYTES_LE16_(b), KMEM_BYTES_LE16_(c), d0, d1, d2, d3, d4, d5, \
          d6, d7                                                                                                               \
    }                                                                                                                          \
  }
#ifdef __cplusplus
#define KMEM_UUID_LITERAL_(type) type
#else
#define KMEM_UUID_LITERAL_(type) (type)
#endif

KMEM_BEGIN_C
extern KMEM_API const uuid_t kmem_uuid_null;
extern KMEM_API const guid_t kmem_guid_null;
#define uuid_null kmem_uuid_null
#define guid_null kmem_guid_null
/** A new one, of random bits (version 4). */
KMEM_API void uuid_gen(uuid_t* id) KMEM_DRIVER_NAME(uuid_gen);
KMEM_API void guid_gen(guid_t* id) KMEM_DRIVER_NAME(guid_gen);
KMEM_API void generate_random_uuid(unsigned char id[16]) KMEM_DRIVER_NAME(generate_random_uuid);
KMEM_API void generate_random_guid(unsigned char id[16]) KMEM_DRIVER_NAME(generate_random_guid);
/** Does the string begin with one, as 8-4-4-4-12 hexadecimal digits?  Any case. */
KMEM_API bool uuid_is_valid(const char* text) KMEM_DRIVER_NAME(uuid_is_valid);
/** 0 or -EINVAL. */
KMEM_API int uuid_parse(const char* text, uuid_t* id) KMEM_DRIVER_NAME(uuid_parse);
KMEM_API int guid_parse(const char* text, guid_t* id) KMEM_DRIVER_NAME(guid_parse);
KMEM_END_C

#define KMEM_UUID_FUNCTIONS_(name)                                                                                     \
  static inline bool name##_equal(const name##_t* a, const name##_t* b) { return !__builtin_memcmp(a, b, UUID_SIZE); } \
  static inline void name##_copy(name##_t* to, const name##_t* from) { *to = *from; }                                  \
  static inline bool name##_is_null(const name##_t* id) { return name##_equal(id, &kmem_##name##_null); }              \
  static inline void import_##name(name##_t* id, const u8* from) { __builtin_memcpy(id, from, UUID_SIZE); }            \
  static inline void export_##name(u8* to, const name##_t* id) { __builtin_memcpy(to, id, UUID_SIZE); }
KMEM_UUID_FUNCTIONS_(uuid)
KMEM_UUID_FUNCTIONS_(guid)
#undef KMEM_UUID_FUNCTIONS_
#endif
