// seq_file: text by records.

#include <string.h>

#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

namespace {

seq_file* seq_of(const file* f) { return static_cast<seq_file*>(f->private_data); }
bool overflowed(const seq_file* m) { return m->count == m->size; }

/// Doubles the buffer and empties it.
bool grow(seq_file* m) {
  kvfree(m->buf);
  m->count = m->from = 0;
  m->size <<= 1;
  m->buf = static_cast<char*>(kvmalloc(m->size, GFP_KERNEL));
  if (!m->buf) m->size = 0;
  return m->buf != nullptr;
}

bool has_buffer(seq_file* m) {
  if (m->buf) return true;
  m->size = PAGE_SIZE;
  m->buf = static_cast<char*>(kvmalloc(m->size, GFP_KERNEL));
  return m->buf != nullptr;
}

/// Shows a record. Less than 0: an error; 1: the record is skipped. In both cases its text is removed from the buffer.
int show(seq_file* m, void* record) {
  const size_t before = m->count;
  const int result = m->op->show(m, record);
  if (result) m->count = before;
  return result;
}

/// Shows the first record that is not empty, with as large a buffer as it needs. Returns it, or NULL or an error; the caller
/// must call stop().
void* first_record(seq_file* m, int* error) {
  void* p = m->op->start(m, &m->index);
  while (!IS_ERR_OR_NULL(p)) {
    const int result = show(m, p);
    if (result < 0) {
      *error = result;
      return p;
    }
    if (!m->count) {
      p = m->op->next(m, p, &m->index);
      continue;
    }
    if (!overflowed(m)) return p;
    m->op->stop(m, p);
    if (!grow(m)) {
      *error = -ENOMEM;
      return p;
    }
    p = m->op->start(m, &m->index);
  }
  if (IS_ERR(p)) *error = static_cast<int>(PTR_ERR(p));
  return p;
}

/// Shows more records while the reader's buffer has room.
void* more_records(seq_file* m, void* p, size_t wanted) {
  for (;;) {
    const size_t before = m->count;
    const loff_t at = m->index;
    p = m->op->next(m, p, &m->index);
    if (m->index == at) {
      pr_info_ratelimited("buggy .next function did not update position index\n");
      ++m->index;
    }
    if (IS_ERR_OR_NULL(p) || before >= wanted) return p;
    const int result = show(m, p);
    if (result < 0 || overflowed(m)) {
      m->count = before;
      return p;
    }
  }
}

/// Makes the text for the next read; returns its length, or an error.
ssize_t fill(seq_file* m, size_t wanted) {
  int error = 0;
  m->from = m->count = 0;
  void* p = first_record(m, &error);
  const bool stopped = error == -ENOMEM;
  if (!error && !IS_ERR_OR_NULL(p)) p = more_records(m, p, wanted);
  if (!stopped) m->op->stop(m, p);
  return error ? error : static_cast<ssize_t>(m->count);
}

size_t give(seq_file* m, iov_iter* to, size_t n) {
  const size_t have = m->count - m->from;
  const size_t done = copy_to_iter(m->buf + m->from, n < have ? n : have, to);
  m->from += done;
  if (m->from == m->count) m->from = m->count = 0;
  return done;
}

/// Seeks by making the text from the beginning.
int skip_to(seq_file* m, loff_t at) {
  m->index = 0;
  m->count = m->from = 0;
  if (m->buf) {
    kvfree(m->buf);
    m->buf = nullptr;
  }
  loff_t passed = 0;
  while (passed < at) {
    if (!has_buffer(m)) return -ENOMEM;
    const ssize_t n = fill(m, 0);
    if (n <= 0) return static_cast<int>(n);
    if (passed + n > at) {
      m->from = static_cast<size_t>(at - passed);
      return 0;
    }
    passed += n;
    m->count = m->from = 0;
  }
  return 0;
}

ssize_t read_locked(seq_file* m, iov_iter* to, loff_t* position) {
  if (!*position) m->index = 0, m->count = m->from = 0;
  if (*position != m->read_pos) {
    if (const int error = skip_to(m, *position)) return error;
    m->read_pos = *position;
  }
  const size_t wanted = iov_iter_count(to);
  size_t done = 0;
  ssize_t error = 0;
  if (m->count) {
    done = give(m, to, wanted);
    if (!done && wanted) return -EFAULT;
  }
  if (!m->count && done < wanted) {
    if (!has_buffer(m)) error = -ENOMEM;
    if (!error) error = fill(m, wanted - done);
    if (error > 0) done += give(m, to, wanted - done), error = done ? 0 : -EFAULT;
  }
  if (!done) return error;
  *position += static_cast<loff_t>(done);
  m->read_pos = *position;
  return static_cast<ssize_t>(done);
}

void put(seq_file* m, const char* text, size_t n) {
  if (m->count + n < m->size) {
    memcpy(m->buf + m->count, text, n);
    m->count += n;
  } else {
    m->count = m->size;
  }
}

/// A file with a single record.
void* single_start(seq_file*, loff_t* at) { return *at ? nullptr : SEQ_START_TOKEN; }
void* single_next(seq_file*, void*, loff_t* at) {
  ++*at;
  return nullptr;
}
void single_stop(seq_file*, void*) {}

}  // namespace

extern "C" {

int seq_open(file* f, const seq_operations* operations) noexcept {
  WARN_ON(f->private_data);
  auto* m = static_cast<seq_file*>(kzalloc(sizeof(seq_file), GFP_KERNEL));
  if (!m) return -ENOMEM;
  mutex_init(&m->lock);
  m->op = operations;
  m->file = f;
  f->private_data = m;
  f->f_mode &= ~FMODE_PWRITE;
  return 0;
}

ssize_t seq_read(file* f, char* buffer, size_t n, loff_t* position) noexcept {
  iov_iter to;
  iov_iter_ubuf(&to, ITER_DEST, buffer, n);
  seq_file* m = seq_of(f);
  mutex_lock(&m->lock);
  const ssize_t done = read_locked(m, &to, position);
  mutex_unlock(&m->lock);
  return done;
}

ssize_t seq_read_iter(kiocb* iocb, iov_iter* to) noexcept {
  seq_file* m = seq_of(iocb->ki_filp);
  mutex_lock(&m->lock);
  const ssize_t done = read_locked(m, to, &iocb->ki_pos);
  mutex_unlock(&m->lock);
  return done;
}

loff_t seq_lseek(file* f, loff_t offset, int whence) noexcept {
  seq_file* m = seq_of(f);
  if (whence == SEEK_CUR) offset += f->f_pos;
  if ((whence != SEEK_SET && whence != SEEK_CUR) || offset < 0) return -EINVAL;
  mutex_lock(&m->lock);
  int error = 0;
  if (offset != m->read_pos) {
    error = skip_to(m, offset);
    m->read_pos = error ? 0 : offset;
  }
  if (!error) __atomic_store_n(&f->f_pos, offset, __ATOMIC_RELAXED);
  mutex_unlock(&m->lock);
  return error ? error : offset;
}

int seq_release(inode*, file* f) noexcept {
  seq_file* m = seq_of(f);
  kvfree(m->buf);
  kfree(m);
  return 0;
}

int seq_release_private(inode* i, file* f) noexcept {
  kfree(seq_of(f)->private_);
  return seq_release(i, f);
}

void* __seq_open_private(file* f, const seq_operations* operations, int size) noexcept {
  void* state = kzalloc(static_cast<size_t>(size), GFP_KERNEL);
  if (!state) return nullptr;
  if (seq_open(f, operations)) {
    kfree(state);
    return nullptr;
  }
  seq_of(f)->private_ = state;
  return state;
}
int seq_open_private(file* f, const seq_operations* operations, int size) noexcept {
  return __seq_open_private(f, operations, size) ? 0 : -ENOMEM;
}

int single_open(file* f, int (*show_it)(seq_file*, void*), void* data) noexcept {
  auto* operations = static_cast<seq_operations*>(kzalloc(sizeof(seq_operations), GFP_KERNEL));
  if (!operations) return -ENOMEM;
  *operations = {single_start, single_stop, single_next, show_it};
  const int error = seq_open(f, operations);
  if (error) kfree(operations);
  else seq_of(f)->private_ = data;
  return error;
}

int single_open_size(file* f, int (*show_it)(seq_file*, void*), void* data, size_t size) noexcept {
  char* buffer = static_cast<char*>(kvmalloc(size, GFP_KERNEL));
  if (!buffer) return -ENOMEM;
  const int error = single_open(f, show_it, data);
  if (error) return kvfree(buffer), error;
  seq_of(f)->buf = buffer;
  seq_of(f)->size = size;
  return 0;
}

int single_release(inode* i, file* f) noexcept {
  const seq_operations* operations = seq_of(f)->op;
  const int result = seq_release(i, f);
  kfree(operations);
  return result;
}

void seq_vprintf(seq_file* m, const char* format, va_list arguments) noexcept {
  if (m->count >= m->size) return;
  const size_t room = m->size - m->count;
  const auto n = static_cast<size_t>(kmem_driver_vsnprintf(m->buf + m->count, room, format, arguments));
  m->count = n < room ? m->count + n : m->size;
}
void seq_printf(seq_file* m, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  seq_vprintf(m, format, arguments);
  va_end(arguments);
}
void seq_puts(seq_file* m, const char* text) noexcept { put(m, text, strlen(text)); }
void seq_putc(seq_file* m, char c) noexcept { put(m, &c, 1); }
int seq_write(seq_file* m, const void* data, size_t n) noexcept {
  put(m, static_cast<const char*>(data), n);
  return overflowed(m) ? -1 : 0;
}
void seq_escape(seq_file* m, const char* text, const char* which) noexcept {
  for (; *text; ++text) {
    const auto c = static_cast<unsigned char>(*text);
    if (strchr(which, c) || c < 0x20 || c > 0x7e) seq_printf(m, "\\%03o", c);
    else seq_putc(m, *text);
  }
}
void seq_put_decimal_ull(seq_file* m, const char* before, unsigned long long n) noexcept {
  seq_printf(m, "%s%llu", before ? before : "", n);
}
void seq_put_decimal_ll(seq_file* m, const char* before, long long n) noexcept {
  seq_printf(m, "%s%lld", before ? before : "", n);
}
void seq_hex_dump(seq_file* m, const char* prefix, int prefix_type, int per_line, int group, const void* bytes, size_t n,
                  bool ascii) noexcept {
  if (per_line != 16 && per_line != 32) per_line = 16;
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < n; i += static_cast<size_t>(per_line)) {
    char line[32 * 3 + 2 + 32 + 1];
    hex_dump_to_buffer(at + i, n - i, per_line, group, line, sizeof(line), ascii);
    if (prefix_type == DUMP_PREFIX_ADDRESS) seq_printf(m, "%s%p: %s\n", prefix, static_cast<const void*>(at + i), line);
    else if (prefix_type == DUMP_PREFIX_OFFSET) seq_printf(m, "%s%.8x: %s\n", prefix, static_cast<unsigned>(i), line);
    else seq_printf(m, "%s%s\n", prefix, line);
  }
}
void seq_pad(seq_file* m, char c) noexcept {
  while (m->count < m->pad_until && !overflowed(m)) seq_putc(m, ' ');
  if (c) seq_putc(m, c);
}

list_head* seq_list_start(list_head* head, loff_t n) noexcept {
  list_head* at;
  list_for_each(at, head) if (!n--) return at;
  return nullptr;
}
list_head* seq_list_start_head(list_head* head, loff_t n) noexcept { return n ? seq_list_start(head, n - 1) : head; }
list_head* seq_list_next(void* entry, list_head* head, loff_t* n) noexcept {
  list_head* next = static_cast<list_head*>(entry)->next;
  ++*n;
  return next == head ? nullptr : next;
}

}  // extern "C"
