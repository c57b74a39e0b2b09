// Queues in a ring: of elements, and of records with their length in front, low byte first.
//
// K1. in - out is the number of elements in the ring (of records: bytes, their lengths among them), and at most mask + 1.
// K2. The writer alone moves `in`, and the reader `out`, each after it is done with the memory.

#include <string.h>

#include <algorithm>

#include <linux/bug.h>
#include <linux/kfifo.h>
#include <linux/log2.h>
#include <linux/scatterlist.h>
#include <linux/uaccess.h>

namespace {

unsigned in_of(const __kfifo* f) { return __atomic_load_n(&f->in, __ATOMIC_ACQUIRE); }
unsigned used(const __kfifo* f) { return kmem_kfifo_len_(f); }
unsigned room(const __kfifo* f) { return f->mask + 1 - used(f); }
void move_in(__kfifo* f, unsigned n) { kmem_kfifo_move_(&f->in, n); }
void move_out(__kfifo* f, unsigned n) { kmem_kfifo_move_(&f->out, n); }

char* place(const __kfifo* f, unsigned at) {
  return static_cast<char*>(f->data) + static_cast<size_t>(at & f->mask) * f->esize;
}

/// Calls piece(memory, offset, bytes) for n elements from `at` on: at most twice, until it returns a rest; returns the bytes
/// that are left over.
template <typename Piece>
size_t each_piece(const __kfifo* f, unsigned at, unsigned n, Piece piece) {
  const unsigned to_end = std::min(n, f->mask + 1 - (at & f->mask));
  const size_t first = static_cast<size_t>(to_end) * f->esize, second = static_cast<size_t>(n - to_end) * f->esize;
  if (const size_t rest = piece(place(f, at), size_t{0}, first)) return rest + second;
  return second ? piece(static_cast<char*>(f->data), first, second) : 0;
}

void store(__kfifo* f, unsigned at, const void* from, unsigned n) {
  each_piece(f, at, n, [from](char* memory, size_t offset, size_t bytes) {
    return memcpy(memory, static_cast<const char*>(from) + offset, bytes), size_t{0};
  });
}
void load(const __kfifo* f, unsigned at, void* to, unsigned n) {
  each_piece(f, at, n, [to](const char* memory, size_t offset, size_t bytes) {
    return memcpy(static_cast<char*>(to) + offset, memory, bytes), size_t{0};
  });
}
size_t store_from_user(const __kfifo* f, unsigned at, const void* from, unsigned n) {
  return each_piece(f, at, n, [from](char* memory, size_t offset, size_t bytes) {
    return copy_from_user(memory, static_cast<const char*>(from) + offset, bytes);
  });
}
size_t load_to_user(const __kfifo* f, unsigned at, void* to, unsigned n) {
  return each_piece(f, at, n, [to](const char* memory, size_t offset, size_t bytes) {
    return copy_to_user(static_cast<char*>(to) + offset, memory, bytes);
  });
}

/// Elements without those that have not been copied in whole.
unsigned whole(const __kfifo* f, unsigned n, size_t rest) { return n - static_cast<unsigned>(DIV_ROUND_UP(rest, f->esize)); }

void store_length(__kfifo* f, unsigned bytes, size_t record_length) {
  *place(f, f->in) = static_cast<char>(bytes);
  if (record_length > 1) *place(f, f->in + 1) = static_cast<char>(bytes >> 8);
}
unsigned next_length(const __kfifo* f, size_t record_length) {
  unsigned bytes = static_cast<unsigned char>(*place(f, f->out));
  if (record_length > 1) bytes |= static_cast<unsigned>(static_cast<unsigned char>(*place(f, f->out + 1))) << 8;
  return bytes;
}
bool fits(const __kfifo* f, size_t bytes, size_t record_length) {
  return bytes <= __kfifo_max_r(~0u, record_length) && bytes + record_length <= room(f);
}

unsigned list_pieces(const __kfifo* f, scatterlist* pieces, int nr, unsigned at, unsigned n) {
  BUG_ON(nr <= 0);
  unsigned used_pieces = 0;
  if (!n) return 0;
  each_piece(f, at, n, [&](char* memory, size_t, size_t bytes) {
    if (used_pieces < static_cast<unsigned>(nr)) sg_set_buf(&pieces[used_pieces++], memory, static_cast<unsigned>(bytes));
    return size_t{0};
  });
  return used_pieces;
}

}  // namespace

extern "C" {

int __kfifo_alloc(__kfifo* f, unsigned n, size_t esize, gfp_t flags) noexcept {
  *f = {};
  f->esize = static_cast<unsigned>(esize);
  if (n < 2 || n > 1u << 31) return -EINVAL;
  n = static_cast<unsigned>(roundup_pow_of_two(n));
  f->data = kmalloc_array(n, esize, flags);
  if (!f->data) return -ENOMEM;
  f->mask = n - 1;
  return 0;
}
void __kfifo_free(__kfifo* f) noexcept {
  kfree(f->data);
  *f = {};
}
int __kfifo_init(__kfifo* f, void* buffer, unsigned bytes, size_t esize) noexcept {
  *f = {};
  f->esize = static_cast<unsigned>(esize);
  f->data = buffer;
  const auto n = static_cast<unsigned>(bytes / esize);
  if (n < 2) return -EINVAL;
  f->mask = static_cast<unsigned>(rounddown_pow_of_two(n)) - 1;
  return 0;
}

unsigned __kfifo_in(__kfifo* f, const void* from, unsigned n) noexcept {
  n = std::min(n, room(f));
  store(f, f->in, from, n);
  move_in(f, n);
  return n;
}
unsigned __kfifo_out_peek(__kfifo* f, void* to, unsigned n) noexcept {
  n = std::min(n, used(f));
  load(f, f->out, to, n);
  return n;
}
unsigned __kfifo_out(__kfifo* f, void* to, unsigned n) noexcept {
  n = __kfifo_out_peek(f, to, n);
  move_out(f, n);
  return n;
}
unsigned __kfifo_out_linear(__kfifo* f, unsigned* tail, unsigned n) noexcept {
  const unsigned at = f->out & f->mask;
  if (tail) *tail = at;
  return std::min(std::min(n, used(f)), f->mask + 1 - at);
}

int __kfifo_from_user(__kfifo* f, const void* from, unsigned long bytes, unsigned* copied) noexcept {
  const auto n = static_cast<unsigned>(std::min<unsigned long>(bytes / f->esize, room(f)));
  const size_t rest = store_from_user(f, f->in, from, n);
  const unsigned done = whole(f, n, rest);
  *copied = done * f->esize;
  move_in(f, done);
  return rest ? -EFAULT : 0;
}
int __kfifo_to_user(__kfifo* f, void* to, unsigned long bytes, unsigned* copied) noexcept {
  const auto n = static_cast<unsigned>(std::min<unsigned long>(bytes / f->esize, used(f)));
  const size_t rest = load_to_user(f, f->out, to, n);
  const unsigned done = whole(f, n, rest);
  *copied = done * f->esize;
  move_out(f, done);
  return rest ? -EFAULT : 0;
}

unsigned __kfifo_dma_in_prepare(__kfifo* f, scatterlist* pieces, int nr, unsigned n) noexcept {
  return list_pieces(f, pieces, nr, f->in, std::min(n, room(f)));
}
unsigned __kfifo_dma_out_prepare(__kfifo* f, scatterlist* pieces, int nr, unsigned n) noexcept {
  return list_pieces(f, pieces, nr, f->out, std::min(n, used(f)));
}

unsigned __kfifo_max_r(unsigned bytes, size_t record_length) noexcept {
  return std::min(bytes, (1u << (8 * record_length)) - 1);
}
unsigned __kfifo_len_r(__kfifo* f, size_t record_length) noexcept {
  return in_of(f) == f->out ? 0 : next_length(f, record_length);
}
void __kfifo_skip_r(__kfifo* f, size_t record_length) noexcept {
  if (in_of(f) != f->out) move_out(f, next_length(f, record_length) + static_cast<unsigned>(record_length));
}

unsigned __kfifo_in_r(__kfifo* f, const void* from, unsigned bytes, size_t record_length) noexcept {
  if (!fits(f, bytes, record_length)) return 0;
  store_length(f, bytes, record_length);
  store(f, f->in + static_cast<unsigned>(record_length), from, bytes);
  move_in(f, bytes + static_cast<unsigned>(record_length));
  return bytes;
}
unsigned __kfifo_out_peek_r(__kfifo* f, void* to, unsigned bytes, size_t record_length) noexcept {
  bytes = std::min(bytes, __kfifo_len_r(f, record_length));
  load(f, f->out + static_cast<unsigned>(record_length), to, bytes);
  return bytes;
}
unsigned __kfifo_out_r(__kfifo* f, void* to, unsigned bytes, size_t record_length) noexcept {
  bytes = __kfifo_out_peek_r(f, to, bytes, record_length);
  __kfifo_skip_r(f, record_length);
  return bytes;
}

int __kfifo_from_user_r(__kfifo* f, const void* from, unsigned long bytes, unsigned* copied, size_t record_length) noexcept {
  *copied = 0;
  bytes = std::min<unsigned long>(bytes, __kfifo_max_r(~0u, record_length));
  if (!fits(f, bytes, record_length)) return 0;
  const auto n = static_cast<unsigned>(bytes);
  if (store_from_user(f, f->in + static_cast<unsigned>(record_length), from, n)) return -EFAULT;
  store_length(f, n, record_length);
  move_in(f, n + static_cast<unsigned>(record_length));
  *copied = n;
  return 0;
}
int __kfifo_to_user_r(__kfifo* f, void* to, unsigned long bytes, unsigned* copied, size_t record_length) noexcept {
  *copied = 0;
  if (in_of(f) == f->out) return 0;
  const auto n = static_cast<unsigned>(std::min<unsigned long>(bytes, next_length(f, record_length)));
  if (load_to_user(f, f->out + static_cast<unsigned>(record_length), to, n)) return -EFAULT;
  __kfifo_skip_r(f, record_length);
  *copied = n;
  return 0;
}

unsigned __kfifo_dma_in_prepare_r(__kfifo* f, scatterlist* pieces, int nr, unsigned bytes, size_t record_length) noexcept {
  BUG_ON(bytes > __kfifo_max_r(~0u, record_length));
  if (!fits(f, bytes, record_length)) return 0;
  return list_pieces(f, pieces, nr, f->in + static_cast<unsigned>(record_length), bytes);
}
void __kfifo_dma_in_finish_r(__kfifo* f, unsigned bytes, size_t record_length) noexcept {
  bytes = __kfifo_max_r(bytes, record_length);
  store_length(f, bytes, record_length);
  move_in(f, bytes + static_cast<unsigned>(record_length));
}
unsigned __kfifo_dma_out_prepare_r(__kfifo* f, scatterlist* pieces, int nr, unsigned bytes, size_t record_length) noexcept {
  bytes = std::min(bytes, __kfifo_len_r(f, record_length));
  return list_pieces(f, pieces, nr, f->out + static_cast<unsigned>(record_length), bytes);
}
void __kfifo_dma_out_finish_r(__kfifo* f, size_t record_length) noexcept { __kfifo_skip_r(f, record_length); }

}  // extern "C"
