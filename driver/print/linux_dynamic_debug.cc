// Dynamic debug: the sites of pr_debug() and dev_dbg(), and the commands that switch them.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kmem/driver.h>
#include <linux/dev_printk.h>
#include <linux/printk.h>

#include "host/host.h"
#include "print/format.h"
#include "sync/quiet_lock.h"

namespace kmem_driver {
namespace {

constexpr unsigned kMostObjects = 64;

struct Range {
  kmem_debug_site *first = nullptr, *end = nullptr;
};
struct Sites {
  QuietLock lock;
  Range ranges[kMostObjects] = {};
  unsigned nr = 0;
};
constinit Sites sites;

/// The conditions of a command for a site; null: any.
struct Query {
  const char *module = nullptr, *file = nullptr, *function = nullptr, *format = nullptr;
  unsigned first_line = 0, last_line = ~0u;
};

const char* base_of(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/// * stands for any characters, ? for one.
bool fits(const char* pattern, const char* text) {
  const char *star = nullptr, *from = nullptr;
  while (*text) {
    if (*pattern == '*') {
      star = ++pattern;
      from = text;
    } else if (*pattern == '?' || *pattern == *text) {
      ++pattern, ++text;
    } else if (star) {
      pattern = star;
      text = ++from;
    } else {
      return false;
    }
  }
  while (*pattern == '*') ++pattern;
  return !*pattern;
}

bool matches(const Query& q, const kmem_debug_site& s) {
  if (q.module && !fits(q.module, s.module)) return false;
  if (q.file && !fits(q.file, s.file) && !fits(q.file, base_of(s.file))) return false;
  if (q.function && !fits(q.function, s.function)) return false;
  if (q.format && !strstr(s.format, q.format)) return false;
  return s.line >= q.first_line && s.line <= q.last_line;
}

int read_lines(Query& q, char* text) {
  char* end;
  q.first_line = static_cast<unsigned>(strtoul(text, &end, 10));
  if (*end == 0) return q.last_line = q.first_line, 0;
  if (*end != '-') return -EINVAL;
  q.last_line = end[1] ? static_cast<unsigned>(strtoul(end + 1, &end, 10)) : ~0u;
  return 0;
}

int read_key(Query& q, const char* key, char* value) {
  if (!value) return -EINVAL;
  if (!strcmp(key, "module")) return q.module = value, 0;
  if (!strcmp(key, "file")) return q.file = value, 0;
  if (!strcmp(key, "func")) return q.function = value, 0;
  if (!strcmp(key, "format")) return q.format = value, 0;
  if (!strcmp(key, "line")) return read_lines(q, value);
  return -EINVAL;
}

unsigned flags_of(const char* letters, bool& wrong) {
  static const struct {
    char letter;
    unsigned flag;
  } kFlags[] = {{'p', KMEM_DEBUG_PRINT},
                {'m', KMEM_DEBUG_MODULE},
                {'f', KMEM_DEBUG_FUNCTION},
                {'l', KMEM_DEBUG_LINE},
                {'t', KMEM_DEBUG_THREAD},
                {'s', KMEM_DEBUG_FILE},
                {'_', 0}};
  unsigned flags = 0;
  for (; *letters; ++letters) {
    bool known = false;
    for (const auto& f : kFlags)
      if (f.letter == *letters) flags |= f.flag, known = true;
    wrong |= !known;
  }
  return flags;
}

int change(const Query& q, char operation, unsigned flags) {
  Quietly hold(sites.lock);
  int changed = 0;
  for (unsigned i = 0; i < sites.nr; ++i)
    for (kmem_debug_site* s = sites.ranges[i].first; s < sites.ranges[i].end; ++s) {
      if (!matches(q, *s)) continue;
      const unsigned old = __atomic_load_n(&s->flags, __ATOMIC_RELAXED);
      const unsigned value = operation == '=' ? flags : operation == '+' ? old | flags : old & ~flags;
      __atomic_store_n(&s->flags, value, __ATOMIC_RELAXED);
      ++changed;
    }
  return changed;
}

/// One command, "file a.c line 10-20 +pf": the words are cut in place.
int run_command(char* text) {
  Query q;
  char *rest = nullptr, *word = strtok_r(text, " \t\n", &rest);
  while (word) {
    if (strchr("+-=", word[0])) {
      bool wrong = false;
      const unsigned flags = flags_of(word + 1, wrong);
      return wrong || strtok_r(nullptr, " \t\n", &rest) ? -EINVAL : change(q, word[0], flags);
    }
    char* value = strtok_r(nullptr, " \t\n", &rest);
    if (value && value[0] == '"') {  // up to the other quote, spaces and all
      value[strlen(value)] = rest && *rest ? ' ' : 0;
      char* quote = strchr(++value, '"');
      if (!quote) return -EINVAL;
      *quote = 0;
      rest = quote + 1;
    }
    if (const int error = read_key(q, word, value)) return error;
    word = strtok_r(nullptr, " \t\n", &rest);
  }
  return -EINVAL;
}

void put_prefix(Output& out, const kmem_debug_site& s) {
  if (s.flags & KMEM_DEBUG_THREAD) out.print("[%d] ", host::thread_number());
  if (s.flags & KMEM_DEBUG_MODULE) out.print("%s:", s.module);
  if (s.flags & KMEM_DEBUG_FILE) out.print("%s:", base_of(s.file));
  if (s.flags & KMEM_DEBUG_FUNCTION) out.print("%s:", s.function);
  if (s.flags & KMEM_DEBUG_LINE) out.print("%u:", s.line);
  if (s.flags & ~(KMEM_DEBUG_PRINT | KMEM_DEBUG_THREAD)) out.put(' ');
}

}  // namespace

void forget_debug_sites(const void* begin, const void* end) {
  Quietly hold(sites.lock);
  unsigned kept = 0;
  for (unsigned i = 0; i < sites.nr; ++i) {
    const void* first = sites.ranges[i].first;
    if (first < begin || first >= end) sites.ranges[kept++] = sites.ranges[i];
  }
  sites.nr = kept;
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void kmem_driver_note_debug_sites(kmem_debug_site* first, kmem_debug_site* end) noexcept {
  Quietly hold(sites.lock);
  for (unsigned i = 0; i < sites.nr; ++i)
    if (sites.ranges[i].first == first) return;
  if (first != end && sites.nr < kMostObjects) sites.ranges[sites.nr++] = {first, end};
}

int kmem_driver_debug(const char* commands) noexcept {
  char text[1024];
  if (strlen(commands) >= sizeof(text)) return -E2BIG;
  strcpy(text, commands);
  int changed = 0;
  char* rest = text;
  while (char* command = strsep(&rest, ";\n")) {
    if (!*command) continue;
    const int n = run_command(command);
    if (n < 0) return n;
    changed += n;
  }
  return changed;
}

void kmem_driver_debug_print(const kmem_debug_site* site, const device* dev, const char* format, ...) {
  char prefix[128];
  Output out(prefix, sizeof(prefix));
  put_prefix(out, *site);
  out.end();
  va_list arguments;
  va_start(arguments, format);
  va_format message = {format, &arguments};
  // Enabled messages are shown, whatever console_loglevel is.
  if (dev) kmem_driver_dev_printk(KERN_NOTICE, dev, "%s%pV", prefix, static_cast<void*>(&message));
  else printk(KERN_NOTICE "%s%pV", prefix, static_cast<void*>(&message));
  va_end(arguments);
}

}  // extern "C"
