// Messages on a two-wire bus.

#include <linux/i2c.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>

namespace {

/// What the adapter cannot do with one message; null: it can.
const char* wrong_with(const i2c_adapter_quirks* q, const i2c_msg* m, unsigned max_read, unsigned max_write) {
  const unsigned max = m->flags & I2C_M_RD ? max_read : max_write;
  if (max && m->len > max) return "msg too long";
  if (m->len) return nullptr;
  return q->flags & (m->flags & I2C_M_RD ? I2C_AQ_NO_ZERO_LEN_READ : I2C_AQ_NO_ZERO_LEN_WRITE) ? "no zero length" : nullptr;
}

const char* wrong_with_pair(const i2c_adapter_quirks* q, const i2c_msg* m) {
  if (q->flags & I2C_AQ_COMB_WRITE_FIRST && m[0].flags & I2C_M_RD) return "1st comb msg must be write";
  if (q->flags & I2C_AQ_COMB_READ_SECOND && !(m[1].flags & I2C_M_RD)) return "2nd comb msg must be read";
  if (q->flags & I2C_AQ_COMB_SAME_ADDR && m[0].addr != m[1].addr) return "comb msg only to same addr";
  if (q->max_comb_1st_msg_len && m[0].len > q->max_comb_1st_msg_len) return "msg too long";
  return q->max_comb_2nd_msg_len && m[1].len > q->max_comb_2nd_msg_len ? "msg too long" : nullptr;
}

const char* wrong_with_all(const i2c_adapter_quirks* q, const i2c_msg* messages, int n) {
  const int max = q->flags & I2C_AQ_COMB ? 2 : q->max_num_msgs;
  if (max && n > max) return "too many messages";
  const bool combined = q->flags & I2C_AQ_COMB && n == 2;
  const char* wrong = combined ? wrong_with_pair(q, messages) : nullptr;
  for (int i = 0; i < n && !wrong; ++i)
    wrong = wrong_with(q, &messages[i], combined && i ? 0 : q->max_read_len, combined ? 0 : q->max_write_len);
  return wrong;
}

bool is_refused(i2c_adapter* adapter, const i2c_msg* messages, int n) {
  const char* wrong = adapter->quirks ? wrong_with_all(adapter->quirks, messages, n) : nullptr;
  if (wrong) dev_err_ratelimited(&adapter->dev, "adapter quirk: %s (addr 0x%04x)\n", wrong, messages[0].addr);
  return wrong != nullptr;
}

}  // namespace

extern "C" {

int __i2c_transfer(i2c_adapter* adapter, i2c_msg* messages, int n) noexcept {
  if (!adapter->algo->master_xfer) return -EOPNOTSUPP;
  if (WARN_ON(!messages || n < 1)) return -EINVAL;
  if (is_refused(adapter, messages, n)) return -EOPNOTSUPP;
  const unsigned long end = jiffies + static_cast<unsigned long>(adapter->timeout);
  int result = -EAGAIN;
  for (int tried = 0; result == -EAGAIN && tried <= adapter->retries; ++tried) {
    result = adapter->algo->master_xfer(adapter, messages, n);
    if (time_after(jiffies, end)) break;
  }
  return result;
}

int i2c_transfer(i2c_adapter* adapter, i2c_msg* messages, int n) noexcept {
  i2c_lock_bus(adapter, I2C_LOCK_SEGMENT);
  const int result = __i2c_transfer(adapter, messages, n);
  i2c_unlock_bus(adapter, I2C_LOCK_SEGMENT);
  return result;
}

int i2c_transfer_buffer_flags(const i2c_client* client, char* buffer, int count, u16 flags) noexcept {
  i2c_msg message = {client->addr, static_cast<u16>(flags | (client->flags & I2C_M_TEN)), static_cast<u16>(count),
                     reinterpret_cast<u8*>(buffer)};
  const int result = i2c_transfer(client->adapter, &message, 1);
  return result == 1 ? count : result;
}

}  // extern "C"
