// The protocols of SMBus, by the adapter or by messages.

#include <linux/i2c.h>
#include <linux/kernel.h>
#include <linux/string.h>

namespace {

constexpr unsigned kMax = I2C_SMBUS_BLOCK_MAX;

/// One protocol as a message that is written, and one that is read, or one of the two.
struct Exchange {
  u8 out[kMax + 4] = {}, in[kMax + 3] = {};
  i2c_msg messages[2] = {};
  int n = 0;
  bool pec = false;

  i2c_msg* add(u16 addr, unsigned flags, u8* buffer, unsigned length) {
    messages[n] = {addr, static_cast<u16>(flags), static_cast<u16>(length), buffer};
    return &messages[n++];
  }
};

bool is_read(char read_write) { return read_write == I2C_SMBUS_READ; }
bool reads(const Exchange& x) { return (x.messages[x.n - 1].flags & I2C_M_RD) != 0; }

/// How many bytes go behind the command; -EINVAL.
int put_out(int protocol, bool read, const i2c_smbus_data* data, u8* to) {
  switch (protocol) {
    case I2C_SMBUS_BYTE_DATA:
      if (!read) to[0] = data->byte;
      return read ? 0 : 1;
    case I2C_SMBUS_WORD_DATA:
      if (read) return 0;
      fallthrough;
    case I2C_SMBUS_PROC_CALL:
      to[0] = static_cast<u8>(data->word);
      to[1] = static_cast<u8>(data->word >> 8);
      return 2;
    case I2C_SMBUS_BLOCK_DATA:
      if (read) return 0;
      fallthrough;
    case I2C_SMBUS_BLOCK_PROC_CALL:
      if (data->block[0] > kMax) return -EINVAL;
      memcpy(to, data->block, data->block[0] + 1u);
      return data->block[0] + 1;
    case I2C_SMBUS_I2C_BLOCK_DATA:
      if (data->block[0] > kMax) return -EINVAL;
      if (!read) memcpy(to, data->block + 1, data->block[0]);
      return read ? 0 : data->block[0];
    default: return protocol == I2C_SMBUS_BYTE ? 0 : -EOPNOTSUPP;
  }
}

/// How many bytes come back; those of a block that says its length itself begin with one.
unsigned nr_in(int protocol, const i2c_smbus_data* data) {
  switch (protocol) {
    case I2C_SMBUS_WORD_DATA:
    case I2C_SMBUS_PROC_CALL: return 2;
    case I2C_SMBUS_I2C_BLOCK_DATA: return data->block[0];
    default: return 1;
  }
}

bool says_length(int protocol) { return protocol == I2C_SMBUS_BLOCK_DATA || protocol == I2C_SMBUS_BLOCK_PROC_CALL; }

/// Makes the messages. 0 or -errno.
int prepare(Exchange& x, u16 addr, unsigned flags, bool read, u8 command, int protocol, const i2c_smbus_data* data) {
  if (protocol == I2C_SMBUS_QUICK) return x.add(addr, flags | (read ? I2C_M_RD : 0), x.out, 0), 0;
  x.out[0] = command;
  const int out = put_out(protocol, read, data, x.out + 1);
  if (out < 0) return out;
  const bool answer = read || protocol == I2C_SMBUS_PROC_CALL || protocol == I2C_SMBUS_BLOCK_PROC_CALL;
  if (!(read && protocol == I2C_SMBUS_BYTE)) x.add(addr, flags, x.out, 1u + static_cast<unsigned>(out));
  if (answer) x.add(addr, flags | I2C_M_RD | (says_length(protocol) ? I2C_M_RECV_LEN : 0), x.in, nr_in(protocol, data));
  return 0;
}

// Checksums ---------------------------------------------------------------------------------------------------------------

u8 sum_of(u8 crc, const i2c_msg* m) {
  u8 address = i2c_8bit_addr_from_msg(m);
  crc = i2c_smbus_pec(crc, &address, 1);
  return i2c_smbus_pec(crc, m->buf, m->len);
}

/// A write carries the sum of itself; a read has one byte more.
void add_sum(Exchange& x) {
  i2c_msg* last = &x.messages[x.n - 1];
  if (!reads(x)) last->buf[last->len] = sum_of(0, last);
  ++last->len;
}

int check_sum(Exchange& x) {
  i2c_msg* last = &x.messages[x.n - 1];
  --last->len;
  u8 crc = 0;
  for (int i = 0; i < x.n; ++i) crc = sum_of(crc, &x.messages[i]);
  return crc == last->buf[last->len] ? 0 : -EBADMSG;
}

// Results -----------------------------------------------------------------------------------------------------------------

int take_block(const Exchange& x, i2c_smbus_data* data) {
  if (!x.in[0] || x.in[0] > kMax) return -EPROTO;
  memcpy(data->block, x.in, x.in[0] + 1u);
  return 0;
}

int take_in(const Exchange& x, int protocol, i2c_smbus_data* data) {
  if (says_length(protocol)) return take_block(x, data);
  if (protocol == I2C_SMBUS_I2C_BLOCK_DATA) memcpy(data->block + 1, x.in, data->block[0]);
  else if (protocol == I2C_SMBUS_WORD_DATA || protocol == I2C_SMBUS_PROC_CALL)
    data->word = static_cast<u16>(x.in[0] | x.in[1] << 8);
  else if (protocol != I2C_SMBUS_QUICK) data->byte = x.in[0];
  return 0;
}

int by_messages(i2c_adapter* adapter, u16 addr, unsigned short flags, char read_write, u8 command, int protocol,
                i2c_smbus_data* data) {
  Exchange x;
  if (const int error = prepare(x, addr, flags & I2C_M_TEN, is_read(read_write), command, protocol, data)) return error;
  x.pec = flags & I2C_CLIENT_PEC && protocol != I2C_SMBUS_QUICK && protocol != I2C_SMBUS_I2C_BLOCK_DATA;
  if (x.pec) add_sum(x);
  const int done = __i2c_transfer(adapter, x.messages, x.n);
  if (done != x.n) return done < 0 ? done : -EIO;
  if (!reads(x)) return 0;
  const int error = x.pec ? check_sum(x) : 0;
  return error ? error : take_in(x, protocol, data);
}

s32 exchange(const i2c_client* client, char read_write, u8 command, int protocol, i2c_smbus_data* data) {
  return i2c_smbus_xfer(client->adapter, client->addr, client->flags, read_write, command, protocol, data);
}

u8 at_most_max(u8 length) { return length > kMax ? static_cast<u8>(kMax) : length; }

/// Blocks of which one side says the length: the chip, or the caller.
s32 read_block(const i2c_client* client, u8 command, int protocol, u8 length, u8* values) {
  i2c_smbus_data data;
  data.block[0] = at_most_max(length);
  const s32 error = exchange(client, I2C_SMBUS_READ, command, protocol, &data);
  if (error < 0) return error;
  memcpy(values, data.block + 1, data.block[0]);
  return data.block[0];
}
s32 write_block(const i2c_client* client, u8 command, int protocol, u8 length, const u8* values) {
  i2c_smbus_data data;
  data.block[0] = at_most_max(length);
  memcpy(data.block + 1, values, data.block[0]);
  return exchange(client, I2C_SMBUS_WRITE, command, protocol, &data);
}

}  // namespace

extern "C" {

u8 i2c_smbus_pec(u8 crc, u8* bytes, size_t n) noexcept {
  for (size_t i = 0; i < n; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = static_cast<u8>(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
  }
  return crc;
}

s32 i2c_smbus_xfer(i2c_adapter* adapter, u16 addr, unsigned short flags, char read_write, u8 command, int protocol,
                   i2c_smbus_data* data) noexcept {
  flags &= I2C_M_TEN | I2C_CLIENT_PEC;
  i2c_lock_bus(adapter, I2C_LOCK_SEGMENT);
  s32 result = -EOPNOTSUPP;
  for (int tried = 0; adapter->algo->smbus_xfer && tried <= adapter->retries; ++tried) {
    result = adapter->algo->smbus_xfer(adapter, addr, flags, read_write, command, protocol, data);
    if (result != -EAGAIN) break;
  }
  if (result == -EOPNOTSUPP) result = by_messages(adapter, addr, flags, read_write, command, protocol, data);
  i2c_unlock_bus(adapter, I2C_LOCK_SEGMENT);
  return result;
}

s32 i2c_smbus_write_quick(const i2c_client* client, u8 read_write) noexcept {
  return exchange(client, static_cast<char>(read_write), 0, I2C_SMBUS_QUICK, nullptr);
}
s32 i2c_smbus_read_byte(const i2c_client* client) noexcept {
  i2c_smbus_data data;
  const s32 error = exchange(client, I2C_SMBUS_READ, 0, I2C_SMBUS_BYTE, &data);
  return error < 0 ? error : data.byte;
}
s32 i2c_smbus_write_byte(const i2c_client* client, u8 value) noexcept {
  return exchange(client, I2C_SMBUS_WRITE, value, I2C_SMBUS_BYTE, nullptr);
}
s32 i2c_smbus_read_byte_data(const i2c_client* client, u8 command) noexcept {
  i2c_smbus_data data;
  const s32 error = exchange(client, I2C_SMBUS_READ, command, I2C_SMBUS_BYTE_DATA, &data);
  return error < 0 ? error : data.byte;
}
s32 i2c_smbus_write_byte_data(const i2c_client* client, u8 command, u8 value) noexcept {
  i2c_smbus_data data;
  data.byte = value;
  return exchange(client, I2C_SMBUS_WRITE, command, I2C_SMBUS_BYTE_DATA, &data);
}
s32 i2c_smbus_read_word_data(const i2c_client* client, u8 command) noexcept {
  i2c_smbus_data data;
  const s32 error = exchange(client, I2C_SMBUS_READ, command, I2C_SMBUS_WORD_DATA, &data);
  return error < 0 ? error : data.word;
}
s32 i2c_smbus_write_word_data(const i2c_client* client, u8 command, u16 value) noexcept {
  i2c_smbus_data data;
  data.word = value;
  return exchange(client, I2C_SMBUS_WRITE, command, I2C_SMBUS_WORD_DATA, &data);
}

s32 i2c_smbus_read_block_data(const i2c_client* client, u8 command, u8* values) noexcept {
  return read_block(client, command, I2C_SMBUS_BLOCK_DATA, 0, values);
}
s32 i2c_smbus_write_block_data(const i2c_client* client, u8 command, u8 length, const u8* values) noexcept {
  return write_block(client, command, I2C_SMBUS_BLOCK_DATA, length, values);
}
s32 i2c_smbus_read_i2c_block_data(const i2c_client* client, u8 command, u8 length, u8* values) noexcept {
  return read_block(client, command, I2C_SMBUS_I2C_BLOCK_DATA, length, values);
}
s32 i2c_smbus_write_i2c_block_data(const i2c_client* client, u8 command, u8 length, const u8* values) noexcept {
  return write_block(client, command, I2C_SMBUS_I2C_BLOCK_DATA, length, values);
}

s32 i2c_smbus_read_i2c_block_data_or_emulated(const i2c_client* client, u8 command, u8 length, u8* values) noexcept {
  length = at_most_max(length);
  if (i2c_check_functionality(client->adapter, I2C_FUNC_SMBUS_READ_I2C_BLOCK))
    return i2c_smbus_read_i2c_block_data(client, command, length, values);
  const bool words = i2c_check_functionality(client->adapter, I2C_FUNC_SMBUS_READ_WORD_DATA);
  if (!words && !i2c_check_functionality(client->adapter, I2C_FUNC_SMBUS_READ_BYTE_DATA)) return -EOPNOTSUPP;
  for (u8 i = 0; i < length;) {
    const bool two = words && i + 1 < length;
    const u8 at = static_cast<u8>(command + i);
    const s32 value = two ? i2c_smbus_read_word_data(client, at) : i2c_smbus_read_byte_data(client, at);
    if (value < 0) return value;
    values[i++] = static_cast<u8>(value);
    if (two) values[i++] = static_cast<u8>(value >> 8);
  }
  return length;
}

}  // extern "C"
