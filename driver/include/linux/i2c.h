#ifndef KMEM_LINUX_I2C_H
#define KMEM_LINUX_I2C_H
/* Two-wire buses.  An adapter is a bus; a client is a chip on it, at an address, and the device that a driver binds to by its
 * name.  A driver talks by messages, or by the protocols of SMBus, which are made of messages where the adapter has no better
 * way.
 *
 * A test makes a bus of its own: with an i2c_algorithm, or with simulated chips (<kmem/simulated.h>, kmem_i2c_bus()).
 *
 * Task context; transfers may sleep.  What differs: no recovery of a stuck bus, no muxes, no slave mode, no ten-bit
 * addresses; programs find no /dev/i2c-0.
 * Meaning: the kernel's Documentation/i2c/writing-clients.rst. */
#include <linux/device.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/types.h>

struct i2c_adapter;
struct i2c_client;
struct i2c_driver;

/* Messages ---------------------------------------------------------------------------------------------------------------- */

struct i2c_msg {
  __u16 addr;
  __u16 flags;
#define I2C_M_RD 0x0001        /* from the chip */
#define I2C_M_TEN 0x0010       /* a ten-bit address */
#define I2C_M_DMA_SAFE 0x0200  /* the buffer may be mapped for DMA */
#define I2C_M_RECV_LEN 0x0400  /* the first byte that comes says how many more do */
#define I2C_M_NO_RD_ACK 0x0800 /* these five only where the adapter says I2C_FUNC_PROTOCOL_MANGLING or NOSTART */
#define I2C_M_IGNORE_NAK 0x1000
#define I2C_M_REV_DIR_ADDR 0x2000
#define I2C_M_NOSTART 0x4000
#define I2C_M_STOP 0x8000
  __u16 len;
  __u8* buf;
};

/* What an adapter can do. */
#define I2C_FUNC_I2C 0x00000001
#define I2C_FUNC_10BIT_ADDR 0x00000002
#define I2C_FUNC_PROTOCOL_MANGLING 0x00000004
#define I2C_FUNC_SMBUS_PEC 0x00000008
#define I2C_FUNC_NOSTART 0x00000010
#define I2C_FUNC_SLAVE 0x00000020
#define I2C_FUNC_SMBUS_BLOCK_PROC_CALL 0x00008000
#define I2C_FUNC_SMBUS_QUICK 0x00010000
#define I2C_FUNC_SMBUS_READ_BYTE 0x00020000
#define I2C_FUNC_SMBUS_WRITE_BYTE 0x00040000
#define I2C_FUNC_SMBUS_READ_BYTE_DATA 0x00080000
#define I2C_FUNC_SMBUS_WRITE_BYTE_DATA 0x00100000
#define I2C_FUNC_SMBUS_READ_WORD_DATA 0x00200000
#define I2C_FUNC_SMBUS_WRITE_WORD_DATA 0x00400000
#define I2C_FUNC_SMBUS_PROC_CALL 0x00800000
#define I2C_FUNC_SMBUS_READ_BLOCK_DATA 0x01000000
#define I2C_FUNC_SMBUS_WRITE_BLOCK_DATA 0x02000000
#define I2C_FUNC_SMBUS_READ_I2C_BLOCK 0x04000000
#define I2C_FUNC_SMBUS_WRITE_I2C_BLOCK 0x08000000
#define I2C_FUNC_SMBUS_HOST_NOTIFY 0x10000000
#define I2C_FUNC_SMBUS_BYTE (I2C_FUNC_SMBUS_READ_BYTE | I2C_FUNC_SMBUS_WRITE_BYTE)
#define I2C_FUNC_SMBUS_BYTE_DATA (I2C_FUNC_SMBUS_READ_BYTE_DATA | I2C_FUNC_SMBUS_WRITE_BYTE_DATA)
#define I2C_FUNC_SMBUS_WORD_DATA (I2C_FUNC_SMBUS_READ_WORD_DATA | I2C_FUNC_SMBUS_WRITE_WORD_DATA)
#define I2C_FUNC_SMBUS_BLOCK_DATA (I2C_FUNC_SMBUS_READ_BLOCK_DATA | I2C_FUNC_SMBUS_WRITE_BLOCK_DATA)
#define I2C_FUNC_SMBUS_I2C_BLOCK (I2C_FUNC_SMBUS_READ_I2C_BLOCK | I2C_FUNC_SMBUS_WRITE_I2C_BLOCK)
/* What messages can do for SMBus. */
#define I2C_FUNC_SMBUS_EMUL                                                                           \
  (I2C_FUNC_SMBUS_QUICK | I2C_FUNC_SMBUS_BYTE | I2C_FUNC_SMBUS_BYTE_DATA | I2C_FUNC_SMBUS_WORD_DATA | \
   I2C_FUNC_SMBUS_PROC_CALL | I2C_FUNC_SMBUS_WRITE_BLOCK_DATA | I2C_FUNC_SMBUS_I2C_BLOCK | I2C_FUNC_SMBUS_PEC)
#define I2C_FUNC_SMBUS_EMUL_ALL (I2C_FUNC_SMBUS_EMUL | I2C_FUNC_SMBUS_READ_BLOCK_DATA | I2C_FUNC_SMBUS_BLOCK_PROC_CALL)

#define I2C_SMBUS_BLOCK_MAX 32
union i2c_smbus_data {
  __u8 byte;
  __u16 word;
  __u8 block[I2C_SMBUS_BLOCK_MAX + 2]; /* block[0]: how many; the last: room for a checksum */
};
#define I2C_SMBUS_READ 1
#define I2C_SMBUS_WRITE 0
#define I2C_SMBUS_QUICK 0
#define I2C_SMBUS_BYTE 1
#define I2C_SMBUS_BYTE_DATA 2
#define I2C_SMBUS_WORD_DATA 3
#define I2C_SMBUS_PROC_CALL 4
#define I2C_SMBUS_BLOCK_DATA 5
#define I2C_SMBUS_I2C_BLOCK_BROKEN 6
#define I2C_SMBUS_BLOCK_PROC_CALL 7
#define I2C_SMBUS_I2C_BLOCK_DATA 8

/* Adapters ---------------------------------------------------------------------------------------------------------------- */

#define I2C_MODULE_PREFIX "i2c:"
/* Kinds of chips that a driver may look for by itself. */
#define I2C_CLASS_HWMON (1 << 0)
#define I2C_CLASS_DDC (1 << 3)
#define I2C_CLASS_SPD (1 << 7)
#define I2C_CLASS_DEPRECATED (1 << 8)

/** `master_xfer` returns how many messages went through, or -errno; -EAGAIN is tried again.  `smbus_xfer` (it may be NULL)
 *  returns 0; -EOPNOTSUPP: by messages, please. */
struct i2c_algorithm {
  union {
    int (*xfer)(struct i2c_adapter* adapter, struct i2c_msg* messages, int n);
    int (*master_xfer)(struct i2c_adapter* adapter, struct i2c_msg* messages, int n);
  };
  union {
    int (*xfer_atomic)(struct i2c_adapter* adapter, struct i2c_msg* messages, int n);
    int (*master_xfer_atomic)(struct i2c_adapter* adapter, struct i2c_msg* messages, int n);
  };
  int (*smbus_xfer)(struct i2c_adapter* adapter, u16 addr, unsigned short flags, char read_write, u8 command, int size,
                    union i2c_smbus_data* data);
  int (*smbus_xfer_atomic)(struct i2c_adapter* adapter, u16 addr, unsigned short flags, char read_write, u8 command, int size,
                           union i2c_smbus_data* data);
  u32 (*functionality)(struct i2c_adapter* adapter);
};

/** What an adapter cannot do; 0: no limit.  Transfers beyond it fail with -EOPNOTSUPP, and say so. */
struct i2c_adapter_quirks {
  u64 flags;
  int max_num_msgs;
  u16 max_write_len, max_read_len;
  u16 max_comb_1st_msg_len, max_comb_2nd_msg_len;
};
#define I2C_AQ_COMB BIT(0) /* at most two messages, and those combined */
#define I2C_AQ_COMB_WRITE_FIRST BIT(1)
#define I2C_AQ_COMB_READ_SECOND BIT(2)
#define I2C_AQ_COMB_SAME_ADDR BIT(3)
#define I2C_AQ_COMB_WRITE_THEN_READ (I2C_AQ_COMB | I2C_AQ_COMB_WRITE_FIRST | I2C_AQ_COMB_READ_SECOND | I2C_AQ_COMB_SAME_ADDR)
#define I2C_AQ_NO_ZERO_LEN_READ BIT(5)
#define I2C_AQ_NO_ZERO_LEN_WRITE BIT(6)
#define I2C_AQ_NO_ZERO_LEN (I2C_AQ_NO_ZERO_LEN_READ | I2C_AQ_NO_ZERO_LEN_WRITE)

#ifdef __cplusplus
#define KMEM_I2C_CLASS_ class_
#else
#define KMEM_I2C_CLASS_ class
#endif
struct i2c_adapter {
  struct module* owner;
  unsigned int KMEM_I2C_CLASS_;
  const struct i2c_algorithm* algo;
  void* algo_data;
  int timeout; /* in jiffies; of all tries together */
  int retries;
  struct device dev;
  int nr; /* its number: /sys/devices/i2c-<nr> */
  char name[48];
  const struct i2c_adapter_quirks* quirks;
  struct mutex kmem_bus;
};
#define to_i2c_adapter(d) container_of(d, struct i2c_adapter, dev)

/* Clients and their drivers ----------------------------------------------------------------------------------------------- */

#define I2C_CLIENT_PEC 0x04 /* with checksums */
#define I2C_CLIENT_TEN 0x10
#define I2C_CLIENT_END 0xfffeU /* the end of a list of addresses */
#define I2C_ADDRS(first, ...) ((const unsigned short[]){first, ##__VA_ARGS__, I2C_CLIENT_END})

struct i2c_client {
  unsigned short flags;
  unsigned short addr;
  char name[I2C_NAME_SIZE];
  struct i2c_adapter* adapter;
  struct device dev;
  int irq;
  struct i2c_driver* kmem_found_by; /* its detect() */
};
#define to_i2c_client(d) container_of(d, struct i2c_client, dev)

struct i2c_board_info {
  char type[I2C_NAME_SIZE];
  unsigned short flags;
  unsigned short addr;
  const char* dev_name; /* NULL: <nr>-<addr> */
  void* platform_data;
  struct device_node* of_node;
  struct fwnode_handle* fwnode;
  int irq;
};
#ifdef __cplusplus
#define I2C_BOARD_INFO(chip, address) .type = chip, .flags = 0, .addr = (address)
#else
#define I2C_BOARD_INFO(chip, address) .type = chip, .addr = (address)
#endif

/** `probe` may have the matching entry of the table as a second argument, as before 6.3.  A driver with `detect` and
 *  `address_list` looks for its chips on each adapter of a class of its own: `detect` fills in the name of what answers, or
 *  returns -ENODEV. */
struct i2c_driver {
  unsigned int KMEM_I2C_CLASS_;
#ifdef __cplusplus
  int (*probe)(struct i2c_client* client, const struct i2c_device_id* id);
#else
  int (*probe)();
#endif
  int (*probe_new)(struct i2c_client* client);
  void (*remove)(struct i2c_client* client);
  void (*shutdown)(struct i2c_client* client);
  struct device_driver driver;
  const struct i2c_device_id* id_table;
  int (*detect)(struct i2c_client* client, struct i2c_board_info* info);
  const unsigned short* address_list;
};
#define to_i2c_driver(d) container_of(d, struct i2c_driver, driver)

KMEM_BEGIN_C
extern KMEM_API struct bus_type kmem_i2c_bus_type;
#define i2c_bus_type kmem_i2c_bus_type

/** Adds a bus with a free number, and the clients that boards have named for it. 0; -EINVAL: no name, or no functions. */
KMEM_API int i2c_add_adapter(struct i2c_adapter* adapter) KMEM_DRIVER_NAME(i2c_add_adapter);
/** With the number that `nr` has; -1: a free one. -EBUSY. */
KMEM_API int i2c_add_numbered_adapter(struct i2c_adapter* adapter) KMEM_DRIVER_NAME(i2c_add_numbered_adapter);
KMEM_API int devm_i2c_add_adapter(struct device* dev, struct i2c_adapter* adapter) KMEM_DRIVER_NAME(devm_i2c_add_adapter);
/** Unregisters its clients first. */
KMEM_API void i2c_del_adapter(struct i2c_adapter* adapter) KMEM_DRIVER_NAME(i2c_del_adapter);
/** With a reference, which the second gives back; NULL. */
KMEM_API struct i2c_adapter* i2c_get_adapter(int nr) KMEM_DRIVER_NAME(i2c_get_adapter);
KMEM_API void i2c_put_adapter(struct i2c_adapter* adapter) KMEM_DRIVER_NAME(i2c_put_adapter);
static inline int i2c_adapter_id(struct i2c_adapter* adapter) { return adapter->nr; }
static inline void* i2c_get_adapdata(const struct i2c_adapter* adapter) { return dev_get_drvdata(&adapter->dev); }
static inline void i2c_set_adapdata(struct i2c_adapter* adapter, void* data) { dev_set_drvdata(&adapter->dev, data); }
static inline u32 i2c_get_functionality(struct i2c_adapter* adapter) { return adapter->algo->functionality(adapter); }
static inline int i2c_check_functionality(struct i2c_adapter* adapter, u32 needed) {
  return (needed & i2c_get_functionality(adapter)) == needed;
}
KMEM_API int i2c_for_each_dev(void* data, int (*visit)(struct device* dev, void* data)) KMEM_DRIVER_NAME(i2c_for_each_dev);

/** A board's code names chips of buses that come later; the list is copied. */
KMEM_API int i2c_register_board_info(int bus, const struct i2c_board_info* info, unsigned n)
    KMEM_DRIVER_NAME(i2c_register_board_info);
/** ERR_PTR(-EINVAL): no such address; -EBUSY: there is a client at it. */
KMEM_API struct i2c_client* i2c_new_client_device(struct i2c_adapter* adapter, const struct i2c_board_info* info)
    KMEM_DRIVER_NAME(i2c_new_client_device);
/** The first address of the list at which something answers. `probe` (it may be NULL) says whether it does. */
KMEM_API struct i2c_client* i2c_new_scanned_device(struct i2c_adapter* adapter, struct i2c_board_info* info,
                                                   const unsigned short* addresses,
                                                   int (*probe)(struct i2c_adapter* adapter, unsigned short address))
    KMEM_DRIVER_NAME(i2c_new_scanned_device);
/** A second address of a chip, which no driver binds to. */
KMEM_API struct i2c_client* i2c_new_dummy_device(struct i2c_adapter* adapter, u16 address)
    KMEM_DRIVER_NAME(i2c_new_dummy_device);
KMEM_API struct i2c_client* devm_i2c_new_dummy_device(struct device* dev, struct i2c_adapter* adapter, u16 address)
    KMEM_DRIVER_NAME(devm_i2c_new_dummy_device);
/** NULL and errors are none. */
KMEM_API void i2c_unregister_device(struct i2c_client* client) KMEM_DRIVER_NAME(i2c_unregister_device);
/** NULL: it is no client. */
KMEM_API struct i2c_client* i2c_verify_client(struct device* dev) KMEM_DRIVER_NAME(i2c_verify_client);
static inline void* i2c_get_clientdata(const struct i2c_client* client) { return dev_get_drvdata(&client->dev); }
static inline void i2c_set_clientdata(struct i2c_client* client, void* data) { dev_set_drvdata(&client->dev, data); }
KMEM_API const struct i2c_device_id* i2c_match_id(const struct i2c_device_id* table, const struct i2c_client* client)
    KMEM_DRIVER_NAME(i2c_match_id);
KMEM_API const struct i2c_device_id* i2c_client_get_device_id(const struct i2c_client* client)
    KMEM_DRIVER_NAME(i2c_client_get_device_id);
static inline const void* i2c_get_match_data(const struct i2c_client* client) {
  const struct i2c_device_id* id = i2c_client_get_device_id(client);
  return id ? (const void*)id->driver_data : NULL;
}

KMEM_MUST_CHECK KMEM_API int i2c_register_driver(struct module* owner, struct i2c_driver* driver)
    KMEM_DRIVER_NAME(i2c_register_driver);
KMEM_API void i2c_del_driver(struct i2c_driver* driver) KMEM_DRIVER_NAME(i2c_del_driver);

/* Transfers --------------------------------------------------------------------------------------------------------------- */

/** All messages in one transfer, which no other comes between: how many went through; -errno.  The __ form with the bus locked
 *  already. */
KMEM_API int i2c_transfer(struct i2c_adapter* adapter, struct i2c_msg* messages, int n) KMEM_DRIVER_NAME(i2c_transfer);
KMEM_API int __i2c_transfer(struct i2c_adapter* adapter, struct i2c_msg* messages, int n) KMEM_DRIVER_NAME(__i2c_transfer);
/** One message: its length, or -errno. */
KMEM_API int i2c_transfer_buffer_flags(const struct i2c_client* client, char* buffer, int count, u16 flags)
    KMEM_DRIVER_NAME(i2c_transfer_buffer_flags);
static inline int i2c_master_recv(const struct i2c_client* client, char* buffer, int count) {
  return i2c_transfer_buffer_flags(client, buffer, count, I2C_M_RD);
}
static inline int i2c_master_send(const struct i2c_client* client, const char* buffer, int count) {
  return i2c_transfer_buffer_flags(client, (char*)(unsigned long)buffer, count, 0);
}
static inline u8 i2c_8bit_addr_from_msg(const struct i2c_msg* message) {
  return (u8)((message->addr << 1) | (message->flags & I2C_M_RD ? 1 : 0));
}
#define I2C_LOCK_ROOT_ADAPTER 1
#define I2C_LOCK_SEGMENT 2
static inline void i2c_lock_bus(struct i2c_adapter* adapter, unsigned int flags) {
  (void)flags, mutex_lock(&adapter->kmem_bus);
}
static inline int i2c_trylock_bus(struct i2c_adapter* adapter, unsigned int flags) {
  return (void)flags, mutex_trylock(&adapter->kmem_bus);
}
static inline void i2c_unlock_bus(struct i2c_adapter* adapter, unsigned int flags) {
  (void)flags, mutex_unlock(&adapter->kmem_bus);
}

/* SMBus: 0 or a value; -errno. -EBADMSG: a checksum is wrong; -EPROTO: a length that cannot be. */
KMEM_API s32 i2c_smbus_xfer(struct i2c_adapter* adapter, u16 addr, unsigned short flags, char read_write, u8 command,
                            int protocol, union i2c_smbus_data* data) KMEM_DRIVER_NAME(i2c_smbus_xfer);
KMEM_API u8 i2c_smbus_pec(u8 crc, u8* bytes, size_t n) KMEM_DRIVER_NAME(i2c_smbus_pec);
KMEM_API s32 i2c_smbus_write_quick(const struct i2c_client* client, u8 read_write) KMEM_DRIVER_NAME(i2c_smbus_write_quick);
KMEM_API s32 i2c_smbus_read_byte(const struct i2c_client* client) KMEM_DRIVER_NAME(i2c_smbus_read_byte);
KMEM_API s32 i2c_smbus_write_byte(const struct i2c_client* client, u8 value) KMEM_DRIVER_NAME(i2c_smbus_write_byte);
KMEM_API s32 i2c_smbus_read_byte_data(const struct i2c_client* client, u8 command) KMEM_DRIVER_NAME(i2c_smbus_read_byte_data);
KMEM_API s32 i2c_smbus_write_byte_data(const struct i2c_client* client, u8 command, u8 value)
    KMEM_DRIVER_NAME(i2c_smbus_write_byte_data);
KMEM_API s32 i2c_smbus_read_word_data(const struct i2c_client* client, u8 command) KMEM_DRIVER_NAME(i2c_smbus_read_word_data);
KMEM_API s32 i2c_smbus_write_word_data(const struct i2c_client* client, u8 command, u16 value)
    KMEM_DRIVER_NAME(i2c_smbus_write_word_data);
/* The high byte comes first. */
static inline s32 i2c_smbus_read_word_swapped(const struct i2c_client* client, u8 command) {
  const s32 value = i2c_smbus_read_word_data(client, command);
  return value < 0 ? value : (s32)__builtin_bswap16((u16)value);
}
static inline s32 i2c_smbus_write_word_swapped(const struct i2c_client* client, u8 command, u16 value) {
  return i2c_smbus_write_word_data(client, command, __builtin_bswap16(value));
}
/** The chip says how many bytes it sends: the result. */
KMEM_API s32 i2c_smbus_read_block_data(const struct i2c_client* client, u8 command, u8* values)
    KMEM_DRIVER_NAME(i2c_smbus_read_block_data);
KMEM_API s32 i2c_smbus_write_block_data(const struct i2c_client* client, u8 command, u8 length, const u8* values)
    KMEM_DRIVER_NAME(i2c_smbus_write_block_data);
/** `length` bytes, at most 32: how many came. */
KMEM_API s32 i2c_smbus_read_i2c_block_data(const struct i2c_client* client, u8 command, u8 length, u8* values)
    KMEM_DRIVER_NAME(i2c_smbus_read_i2c_block_data);
KMEM_API s32 i2c_smbus_write_i2c_block_data(const struct i2c_client* client, u8 command, u8 length, const u8* values)
    KMEM_DRIVER_NAME(i2c_smbus_write_i2c_block_data);
/** By words or bytes where the adapter reads no blocks. */
KMEM_API s32 i2c_smbus_read_i2c_block_data_or_emulated(const struct i2c_client* client, u8 command, u8 length, u8* values)
    KMEM_DRIVER_NAME(i2c_smbus_read_i2c_block_data_or_emulated);
KMEM_END_C

#define i2c_add_driver(driver) i2c_register_driver(THIS_MODULE, driver)
#define module_i2c_driver(driver_name) module_driver(driver_name, i2c_add_driver, i2c_del_driver)
#define builtin_i2c_driver(driver_name) builtin_driver(driver_name, i2c_add_driver)
#endif
