// Parameters of modules.

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/errno.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include "module_list.h"

namespace kmem_driver {
namespace {

bool same_name(const char* a, const char* b) {
  const auto plain = [](char c) { return c == '-' ? '_' : c; };
  while (*a && plain(*a) == plain(*b)) ++a, ++b;
  return plain(*a) == plain(*b);
}

/// Cuts the next word off the text. Quotes around a word or its value protect spaces and are removed.
char* next_word(char*& text) {
  while (*text == ' ' || *text == '\t' || *text == '\n') ++text;
  if (!*text) return nullptr;
  char *const word = text, *out = text;
  bool quoted = false;
  for (; *text && (quoted || (*text != ' ' && *text != '\t' && *text != '\n')); ++text) {
    if (*text == '"') quoted = !quoted;
    else *out++ = *text;
  }
  if (*text) ++text;
  *out = 0;
  return word;
}

bool take_early(const kmem_setup* s, const char* name, char* value) {
  if (!same_name(name, s->name)) return false;
  if (s->set(value)) pr_warn("Malformed early option '%s'\n", name);
  return true;
}

/// Behind the text that begins like it; a text without = is followed by = here, as the word is.
bool take_late(const kmem_setup* s, const char* name, char* value) {
  const size_t n = strlen(s->name), plain = n && s->name[n - 1] == '=' ? n - 1 : n;
  if (strncmp(name, s->name, plain) != 0 || (plain != n && (name[plain] || !value))) return false;
  if (plain != n) return s->set(value) != 0;
  char* rest = kasprintf(GFP_KERNEL, "%s%s%s", name + plain, value ? "=" : "", value ? value : "");
  if (!rest) return false;
  const bool taken = s->set(rest) != 0;
  kfree(rest);
  return taken;
}

/// Words of __setup() and early_param().
bool take_setup(const module* of, const char* name, char* value) {
  bool taken = false;
  for (const kmem_setup* s = modules().setups.first; s && !taken; s = s->next)
    if (s->module == of) taken = s->early ? take_early(s, name, value) : take_late(s, name, value);
  return taken;
}

int set_one(module* of, const char* name, char* value) {
  const kernel_param* p = parameter_of(of, name);
  if (!p && take_setup(of, name, value)) return 0;
  if (!p) {
    pr_warn("%s: unknown parameter '%s' ignored\n", of->name, name);
    return 0;
  }
  if (!value && !(p->ops->flags & KERNEL_PARAM_OPS_FL_NOARG)) {
    pr_err("%s: parameter `%s' needs a value\n", of->name, name);
    return -EINVAL;
  }
  kernel_param_lock(of);
  const int error = p->ops->set ? p->ops->set(value, p) : -EPERM;
  kernel_param_unlock(of);
  if (error) pr_err("%s: `%s' invalid for parameter `%s'\n", of->name, value ? value : "", name);
  return error;
}

/// Does the text end here, except for a newline?
bool ends(const char* rest) { return !*rest || (*rest == '\n' && !rest[1]); }

template <typename T>
int parse_signed(const char* text, T* out) {
  if (!text || !*text || *text == ' ') return -EINVAL;
  char* rest;
  errno = 0;
  const long long value = strtoll(text, &rest, 0);
  if (rest == text || !ends(rest)) return -EINVAL;
  if (errno || value != static_cast<T>(value)) return -ERANGE;
  *out = static_cast<T>(value);
  return 0;
}

template <typename T>
int parse_unsigned(const char* text, T* out) {
  if (!text || !*text || *text == ' ' || *text == '-') return -EINVAL;
  char* rest;
  errno = 0;
  const unsigned long long value = strtoull(text, &rest, 0);
  if (rest == text || !ends(rest)) return -EINVAL;
  if (errno || value != static_cast<T>(value)) return -ERANGE;
  *out = static_cast<T>(value);
  return 0;
}

int parse_bool(const char* text, bool* out) {
  const char c = text ? text[0] : '1';
  if (strchr("yYtT1", c) && c) *out = true;
  else if (strchr("nNfF0", c) && c) *out = false;
  else if ((c == 'o' || c == 'O') && (text[1] == 'n' || text[1] == 'N')) *out = true;
  else if ((c == 'o' || c == 'O') && (text[1] == 'f' || text[1] == 'F')) *out = false;
  else return -EINVAL;
  return 0;
}

/// A string that was assigned to a parameter, in a list with the newest first.
struct Copied {
  Copied* next;
  char **variable, *before;
  char* text() { return reinterpret_cast<char*>(this + 1); }
};
constinit Copied* copies = nullptr;

}  // namespace

const kernel_param* parameter_of(const module* of, const char* name) {
  const size_t own = strlen(of->name);
  if (!strncmp(name, of->name, own) && name[own] == '.') name += own + 1;
  for (const kernel_param* p = modules().params.first; p; p = p->kmem_next)
    if (p->mod == of && same_name(p->name, name)) return p;
  return nullptr;
}

void free_parameters(const module* of) {
  for (const kernel_param* p = modules().params.first; p; p = p->kmem_next)
    if (p->mod == of && p->ops->free) p->ops->free(p->arg);
}

int set_parameters(module* of, char* text) {
  while (char* word = next_word(text)) {
    if (!strcmp(word, "--")) return 0;
    char* value = strchr(word, '=');
    if (value) *value++ = 0;
    if (const int error = set_one(of, word, value)) return error;
  }
  return 0;
}

}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void kmem_driver_note_param(kernel_param* parameter) noexcept { modules().params.add(parameter); }
void kmem_driver_note_param_about(kmem_param_about* about) noexcept { modules().abouts.add(about); }

#define KMEM_NUMBER(name, type, parse, format)                                                                                 \
  int param_set_##name(const char* value, const kernel_param* p) noexcept { return parse(value, static_cast<type*>(p->arg)); } \
  int param_get_##name(char* buffer, const kernel_param* p) noexcept {                                                         \
    return snprintf(buffer, PAGE_SIZE, format "\n", *static_cast<type*>(p->arg));                                              \
  }                                                                                                                            \
  const kernel_param_ops kmem_param_ops_##name = {0, param_set_##name, param_get_##name, nullptr};
KMEM_NUMBER(byte, unsigned char, parse_unsigned, "%hhu")
KMEM_NUMBER(short, short, parse_signed, "%hi")
KMEM_NUMBER(ushort, unsigned short, parse_unsigned, "%hu")
KMEM_NUMBER(int, int, parse_signed, "%i")
KMEM_NUMBER(uint, unsigned int, parse_unsigned, "%u")
KMEM_NUMBER(long, long, parse_signed, "%li")
KMEM_NUMBER(ulong, unsigned long, parse_unsigned, "%lu")
KMEM_NUMBER(ullong, unsigned long long, parse_unsigned, "%llu")
KMEM_NUMBER(hexint, unsigned int, parse_unsigned, "%#08x")

int param_set_uint_minmax(const char* value, const kernel_param* p, unsigned int least, unsigned int most) noexcept {
  unsigned int number;
  if (const int error = parse_unsigned(value, &number)) return error;
  if (number < least || number > most) return -EINVAL;
  *static_cast<unsigned int*>(p->arg) = number;
  return 0;
}

// Allocates a string for each value; earlier ones may still be in use, and are freed when the module is unloaded.
int param_set_charp(const char* value, const kernel_param* p) noexcept {
  if (strlen(value) > 1024) return -ENOSPC;
  auto* copy = static_cast<Copied*>(kmalloc(sizeof(Copied) + strlen(value) + 1, GFP_KERNEL));
  if (!copy) return -ENOMEM;
  char** variable = static_cast<char**>(p->arg);
  *copy = {copies, variable, *variable};
  copies = copy;
  *variable = strcpy(copy->text(), value);
  return 0;
}
// Resets the variable to its initial value.
static void free_charp(void* variable) noexcept {
  for (Copied** at = &copies; *at;) {
    Copied* copy = *at;
    if (copy->variable != variable) {
      at = &copy->next;
      continue;
    }
    *copy->variable = copy->before;
    *at = copy->next;
    kfree(copy);
  }
}
int param_get_charp(char* buffer, const kernel_param* p) noexcept {
  const char* text = *static_cast<char**>(p->arg);
  return snprintf(buffer, PAGE_SIZE, "%s\n", text ? text : "(null)");
}
const kernel_param_ops kmem_param_ops_charp = {0, param_set_charp, param_get_charp, free_charp};

int param_set_bool(const char* value, const kernel_param* p) noexcept { return parse_bool(value, static_cast<bool*>(p->arg)); }
int param_get_bool(char* buffer, const kernel_param* p) noexcept {
  return snprintf(buffer, PAGE_SIZE, "%c\n", *static_cast<bool*>(p->arg) ? 'Y' : 'N');
}
const kernel_param_ops kmem_param_ops_bool = {KERNEL_PARAM_OPS_FL_NOARG, param_set_bool, param_get_bool, nullptr};

int param_set_invbool(const char* value, const kernel_param* p) noexcept {
  bool on;
  if (const int error = parse_bool(value, &on)) return error;
  *static_cast<bool*>(p->arg) = !on;
  return 0;
}
int param_get_invbool(char* buffer, const kernel_param* p) noexcept {
  return snprintf(buffer, PAGE_SIZE, "%c\n", *static_cast<bool*>(p->arg) ? 'N' : 'Y');
}
const kernel_param_ops kmem_param_ops_invbool = {0, param_set_invbool, param_get_invbool, nullptr};

int param_set_copystring(const char* value, const kernel_param* p) noexcept {
  if (strlen(value) + 1 > p->str->maxlen) {
    pr_err("%s: string doesn't fit in %u chars.\n", p->name, p->str->maxlen - 1);
    return -ENOSPC;
  }
  strcpy(p->str->string, value);
  return 0;
}
int param_set_string(const char* value, const kernel_param* p) noexcept { return param_set_copystring(value, p); }
int param_get_string(char* buffer, const kernel_param* p) noexcept {
  return snprintf(buffer, PAGE_SIZE, "%s\n", p->str->string);
}
const kernel_param_ops kmem_param_ops_string = {0, param_set_string, param_get_string, nullptr};

int param_set_array(const char* value, const kernel_param* p) noexcept {
  const kparam_array& a = *p->arr;
  char* text = kstrdup(value, GFP_KERNEL);
  if (!text) return -ENOMEM;
  kernel_param element = *p;
  unsigned int n = 0;
  int error = 0;
  char* rest = text;
  for (char* one; !error && (one = strsep(&rest, ",")); ++n) {
    if (n == a.max) {
      pr_err("%s: can only take %u arguments\n", p->name, a.max);
      error = -EINVAL;
      break;
    }
    element.arg = static_cast<char*>(a.elem) + static_cast<size_t>(n) * a.elemsize;
    error = a.ops->set(one, &element);
  }
  kfree(text);
  if (!error && a.num) *a.num = n;
  return error;
}
int param_get_array(char* buffer, const kernel_param* p) noexcept {
  const kparam_array& a = *p->arr;
  kernel_param element = *p;
  int length = 0;
  for (unsigned int i = 0; i < (a.num ? *a.num : a.max); ++i) {
    if (i) buffer[length - 1] = ',';
    element.arg = static_cast<char*>(a.elem) + static_cast<size_t>(i) * a.elemsize;
    const int more = a.ops->get(buffer + length, &element);
    if (more < 0) return more;
    length += more;
  }
  return length;
}
const kernel_param_ops kmem_param_ops_array = {0, param_set_array, param_get_array, nullptr};

}  // extern "C"
