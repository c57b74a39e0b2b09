// might_sleep(), sections that must not block, and kasprintf().

#include <linux/kernel.h>
#include <linux/slab.h>

#include "base/format.h"
#include "on_behalf.h"
#include "port/port.h"
#include "port/task.h"
#include "watch/context.h"
#include "watch/report.h"

namespace {

using kmem::RateLimit;
using kmem::Trouble;

kmem::TaskState& task() { return *kmem_port_task(); }

RateLimit count_limit;

/// printf into a block of exactly the needed length.
char* text_to_measure(gfp_t flags, const char* format, va_list arguments, const void* site) {
  va_list again;
  va_copy(again, arguments);
  kmem::Text measure{kmem::Span<char>()};
  const size_t room = measure.vprintf(format, again).total() + 1;
  va_end(again);

  char* text = static_cast<char*>(kmem_kmalloc_from(room, flags, site));
  // If another thread changes an argument between the two passes, the buffer still bounds the text.
  if (text) kmem::Text(kmem::Span<char>(text, room)).vprintf(format, arguments);
  return text;
}

}  // namespace

extern "C" {

void kmem_might_sleep(const char* file, int line) noexcept {
  kmem::check_sleep(file, static_cast<unsigned>(line), __builtin_return_address(0));
}

void kmem_cant_sleep(const char* file, int line) noexcept {
  if (!kmem::may_sleep()) return;
  static RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Bug, "assuming atomic context at %s:%d", file, line);
}

void non_block_start() noexcept { task().non_block.poke(task().non_block.peek() + 1); }

void non_block_end() noexcept {
  const uint32_t depth = task().non_block.peek();
  if (depth) return task().non_block.poke(depth - 1);
  kmem::bug_report_limited(count_limit, Trouble::Warning, "non_block_end() without non_block_start()");
}

char* kvasprintf(gfp_t flags, const char* format, va_list arguments) noexcept {
  return text_to_measure(flags, format, arguments, __builtin_return_address(0));
}

char* kasprintf(gfp_t flags, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  char* text = text_to_measure(flags, format, arguments, __builtin_return_address(0));
  va_end(arguments);
  return text;
}

}  // extern "C"
