// Iterators over pieces of memory.

#include <string.h>

#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

namespace {

/// Walks over the pieces; copy(piece, done, n) returns how much of n it could not copy.
template <typename Copy>
size_t walk(iov_iter* i, size_t bytes, Copy copy) {
  size_t done = 0;
  if (bytes > i->count) bytes = i->count;
  while (done < bytes) {
    const size_t here = i->__iov->iov_len - i->iov_offset, n = here < bytes - done ? here : bytes - done;
    char* piece = static_cast<char*>(i->__iov->iov_base) + i->iov_offset;
    const size_t left = n ? copy(piece, done, n) : 0;
    iov_iter_advance(i, n - left);
    done += n - left;
    if (left) break;
  }
  return done;
}

size_t to_piece(const iov_iter* i, char* piece, const void* from, size_t n) {
  if (user_backed_iter(i)) return copy_to_user(piece, from, n);
  memcpy(piece, from, n);
  return 0;
}
size_t from_piece(const iov_iter* i, void* to, const char* piece, size_t n) {
  if (user_backed_iter(i)) return raw_copy_from_user(to, piece, n);
  memcpy(to, piece, n);
  return 0;
}

void begin(iov_iter* i, iter_type type, unsigned direction, const iovec* iov, size_t nr, size_t count) {
  memset(i, 0, sizeof(*i));
  i->iter_type = static_cast<unsigned char>(type);
  i->data_source = direction == ITER_SOURCE;
  i->__iov = iov;
  i->nr_segs = nr;
  i->count = count;
}

}  // namespace

extern "C" {

void iov_iter_init(iov_iter* i, unsigned int direction, const iovec* iov, size_t nr, size_t count) noexcept {
  begin(i, ITER_IOVEC, direction, iov, nr, count);
}
void iov_iter_kvec(iov_iter* i, unsigned int direction, const kvec* kvec, size_t nr, size_t count) noexcept {
  begin(i, ITER_KVEC, direction, reinterpret_cast<const iovec*>(kvec), nr, count);
}
void iov_iter_ubuf(iov_iter* i, unsigned int direction, void* buffer, size_t count) noexcept {
  begin(i, ITER_UBUF, direction, nullptr, 1, count);
  i->kmem_single = {buffer, count};
  i->__iov = &i->kmem_single;
}

size_t copy_to_iter(const void* from, size_t bytes, iov_iter* i) noexcept {
  if (WARN_ON_ONCE(i->data_source)) return 0;
  return walk(i, bytes,
              [&](char* piece, size_t done, size_t n) { return to_piece(i, piece, static_cast<const char*>(from) + done, n); });
}
size_t copy_from_iter(void* to, size_t bytes, iov_iter* i) noexcept {
  if (WARN_ON_ONCE(!i->data_source)) return 0;
  return walk(i, bytes,
              [&](const char* piece, size_t done, size_t n) { return from_piece(i, static_cast<char*>(to) + done, piece, n); });
}
size_t iov_iter_zero(size_t bytes, iov_iter* i) noexcept {
  return walk(i, bytes, [&](char* piece, size_t, size_t n) -> size_t {
    if (user_backed_iter(i)) return clear_user(piece, n);
    memset(piece, 0, n);
    return 0;
  });
}

static bool whole(size_t done, size_t bytes, iov_iter* i) {
  if (done == bytes) return true;
  iov_iter_revert(i, done);
  return false;
}
bool copy_to_iter_full(const void* from, size_t bytes, iov_iter* i) noexcept {
  return whole(copy_to_iter(from, bytes, i), bytes, i);
}
bool copy_from_iter_full(void* to, size_t bytes, iov_iter* i) noexcept { return whole(copy_from_iter(to, bytes, i), bytes, i); }

size_t copy_page_to_iter(page* page, size_t offset, size_t bytes, iov_iter* i) noexcept {
  char* at = static_cast<char*>(kmap_local_page(page));
  const size_t done = copy_to_iter(at + offset, bytes, i);
  kunmap_local(at);
  return done;
}
size_t copy_page_from_iter(page* page, size_t offset, size_t bytes, iov_iter* i) noexcept {
  char* at = static_cast<char*>(kmap_local_page(page));
  const size_t done = copy_from_iter(at + offset, bytes, i);
  kunmap_local(at);
  return done;
}

void iov_iter_advance(iov_iter* i, size_t bytes) noexcept {
  if (bytes > i->count) bytes = i->count;
  i->count -= bytes;
  i->kmem_done += bytes;
  i->iov_offset += bytes;
  while (i->nr_segs && i->iov_offset >= i->__iov->iov_len && (i->count || i->iov_offset > i->__iov->iov_len)) {
    i->iov_offset -= i->__iov->iov_len;
    ++i->__iov;
    --i->nr_segs;
  }
}

void iov_iter_revert(iov_iter* i, size_t bytes) noexcept {
  if (WARN_ON(bytes > i->kmem_done)) return;
  i->count += bytes;
  i->kmem_done -= bytes;
  while (bytes > i->iov_offset) {
    bytes -= i->iov_offset;
    --i->__iov;
    ++i->nr_segs;
    i->iov_offset = i->__iov->iov_len;
  }
  i->iov_offset -= bytes;
}

}  // extern "C"
