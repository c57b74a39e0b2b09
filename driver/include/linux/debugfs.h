#ifndef KMEM_LINUX_DEBUGFS_H
#define KMEM_LINUX_DEBUGFS_H
/* Files below /sys/kernel/debug, for debugging the driver. Functions return dentries or ERR_PTR(), which callers need not
 * check: an error as a parent gives an error.  Meaning: the kernel's Documentation/filesystems/debugfs.rst. */
#include <linux/fs.h>
#include <linux/seq_file.h>

struct device;
struct debugfs_blob_wrapper {
  void* data;
  unsigned long size;
};
struct debugfs_reg32 {
  const char* name;
  unsigned long offset;
};

KMEM_BEGIN_C
KMEM_API struct dentry* debugfs_create_dir(const char* name, struct dentry* parent) KMEM_DRIVER_NAME(debugfs_create_dir);
KMEM_API struct dentry* debugfs_create_file(const char* name, umode_t mode, struct dentry* parent, void* data,
                                            const struct file_operations* operations) KMEM_DRIVER_NAME(debugfs_create_file);
static inline struct dentry* debugfs_create_file_unsafe(const char* name, umode_t mode, struct dentry* parent, void* data,
                                                        const struct file_operations* operations) {
  return debugfs_create_file(name, mode, parent, data, operations);
}
KMEM_API void debugfs_create_u8(const char* name, umode_t mode, struct dentry* parent, u8* value)
    KMEM_DRIVER_NAME(debugfs_create_u8);
KMEM_API void debugfs_create_u16(const char* name, umode_t mode, struct dentry* parent, u16* value)
    KMEM_DRIVER_NAME(debugfs_create_u16);
KMEM_API void debugfs_create_u32(const char* name, umode_t mode, struct dentry* parent, u32* value)
    KMEM_DRIVER_NAME(debugfs_create_u32);
KMEM_API void debugfs_create_u64(const char* name, umode_t mode, struct dentry* parent, u64* value)
    KMEM_DRIVER_NAME(debugfs_create_u64);
KMEM_API void debugfs_create_x8(const char* name, umode_t mode, struct dentry* parent, u8* value)
    KMEM_DRIVER_NAME(debugfs_create_x8);
KMEM_API void debugfs_create_x16(const char* name, umode_t mode, struct dentry* parent, u16* value)
    KMEM_DRIVER_NAME(debugfs_create_x16);
KMEM_API void debugfs_create_x32(const char* name, umode_t mode, struct dentry* parent, u32* value)
    KMEM_DRIVER_NAME(debugfs_create_x32);
KMEM_API void debugfs_create_x64(const char* name, umode_t mode, struct dentry* parent, u64* value)
    KMEM_DRIVER_NAME(debugfs_create_x64);
KMEM_API void debugfs_create_ulong(const char* name, umode_t mode, struct dentry* parent, unsigned long* value)
    KMEM_DRIVER_NAME(debugfs_create_ulong);
KMEM_API void debugfs_create_size_t(const char* name, umode_t mode, struct dentry* parent, size_t* value)
    KMEM_DRIVER_NAME(debugfs_create_size_t);
KMEM_API void kmem_driver_debugfs_create_int(const char* name, umode_t mode, struct dentry* parent, int* value) KMEM_NOTHROW;
KMEM_API void debugfs_create_bool(const char* name, umode_t mode, struct dentry* parent, bool* value)
    KMEM_DRIVER_NAME(debugfs_create_bool);
KMEM_API struct dentry* debugfs_create_blob(const char* name, umode_t mode, struct dentry* parent,
                                            struct debugfs_blob_wrapper* blob) KMEM_DRIVER_NAME(debugfs_create_blob);
/** Removes the entry and all below it. NULL and errors are ignored. */
KMEM_API void debugfs_remove(struct dentry* dentry) KMEM_DRIVER_NAME(debugfs_remove);
static inline void debugfs_remove_recursive(struct dentry* dentry) { debugfs_remove(dentry); }
KMEM_API void debugfs_lookup_and_remove(const char* name, struct dentry* parent) KMEM_DRIVER_NAME(debugfs_lookup_and_remove);
static inline bool debugfs_initialized(void) { return true; }
static inline int debugfs_file_get(struct dentry* dentry) { return (void)dentry, 0; }
static inline void debugfs_file_put(struct dentry* dentry) { (void)dentry; }
KMEM_END_C
#define debugfs_create_atomic_t(name, mode, parent, value) kmem_driver_debugfs_create_int(name, mode, parent, &(value)->counter)
#define DEFINE_DEBUGFS_ATTRIBUTE(name, getter, setter, format) DEFINE_SIMPLE_ATTRIBUTE(name, getter, setter, format)
#define DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(name, getter, setter, format) \
  DEFINE_SIMPLE_ATTRIBUTE_SIGNED(name, getter, setter, format)
#endif
