/* The kernel's names, as the pure headers of its tree declare them, for functions that kmem has under other names. A program or
 * library that contains kernel sources is linked with this file, which is compiled as an ordinary program. */
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

/* Defines the function with which kernel code links; `ours` is its body. */
#define KERNEL_NAME(type, name, parameters, ours)   \
  type kmem_plain_##name parameters __asm__(#name); \
  type __attribute__((__weak__)) kmem_plain_##name parameters { ours; }

KERNEL_NAME(char*, kstrdup, (const char* s, gfp_t flags), return kstrdup(s, flags))
KERNEL_NAME(char*, kstrndup, (const char* s, size_t n, gfp_t flags), return kstrndup(s, n, flags))
KERNEL_NAME(const char*, kstrdup_const, (const char* s, gfp_t flags), return kstrdup_const(s, flags))
KERNEL_NAME(void, kfree_const, (const void* p), kfree_const(p))
KERNEL_NAME(void*, kmemdup, (const void* p, size_t n, gfp_t flags), return kmemdup(p, n, flags))
KERNEL_NAME(char*, kmemdup_nul, (const char* p, size_t n, gfp_t flags), return kmemdup_nul(p, n, flags))
KERNEL_NAME(void*, memdup_user, (const void* p, size_t n), return memdup_user(p, n))
KERNEL_NAME(void*, vmemdup_user, (const void* p, size_t n), return vmemdup_user(p, n))
KERNEL_NAME(void*, memdup_user_nul, (const void* p, size_t n), return memdup_user_nul(p, n))
KERNEL_NAME(char*, strndup_user, (const char* s, long n), return strndup_user(s, n))
KERNEL_NAME(void, memzero_explicit, (void* p, size_t n), memzero_explicit(p, n))
KERNEL_NAME(long, strscpy, (char* to, const char* from, size_t n), return kmem_strscpy(to, from, n))
KERNEL_NAME(long, strscpy_pad, (char* to, const char* from, size_t n), return kmem_strscpy_pad(to, from, n))
KERNEL_NAME(char*, kvasprintf, (gfp_t flags, const char* format, va_list arguments),
            return kvasprintf(flags, format, arguments))

char* kmem_plain_kasprintf(gfp_t flags, const char* format, ...) __asm__("kasprintf");
__attribute__((__weak__)) char* kmem_plain_kasprintf(gfp_t flags, const char* format, ...) {
  va_list arguments;
  char* text;
  va_start(arguments, format);
  text = kvasprintf(flags, format, arguments);
  va_end(arguments);
  return text;
}

/* States of CPUs, for driver/kernel-tree/include/linux/cpuhotplug.h.  An instance is NULL in a plain state. */
struct hlist_node;
typedef int (*cpuhp_call)(unsigned int cpu, struct hlist_node* instance);
static struct {
  bool used, multi;
  cpuhp_call startup, teardown;
} cpuhp_states[64];
static DEFINE_MUTEX(cpuhp_lock);

static int call_for_cpu(cpuhp_call call, unsigned int cpu, struct hlist_node* instance) {
  if (!call) return 0;
  return instance ? call(cpu, instance) : ((int (*)(unsigned int))(void*)call)(cpu);
}

static void cpuhp_down(int state, struct hlist_node* instance, unsigned int before) {
  unsigned int cpu;
  for_each_possible_cpu(cpu) {
    if (cpu >= before) return;
    call_for_cpu(cpuhp_states[state].teardown, cpu, instance);
  }
}
/* Where a CPU can't, those before it are taken down again. */
static int cpuhp_up(int state, struct hlist_node* instance) {
  unsigned int cpu;
  for_each_possible_cpu(cpu) {
    const int error = call_for_cpu(cpuhp_states[state].startup, cpu, instance);
    if (!error) continue;
    cpuhp_down(state, instance, cpu);
    return error;
  }
  return 0;
}

int kmem_cpuhp_setup(int state, int last, bool calls, bool multi, cpuhp_call startup, cpuhp_call teardown);
int kmem_cpuhp_setup(int state, int last, bool calls, bool multi, cpuhp_call startup, cpuhp_call teardown) {
  const int first = state;
  int error = 0;
  mutex_lock(&cpuhp_lock);
  while (state <= last && cpuhp_states[state].used) ++state;
  if (state > last) {
    mutex_unlock(&cpuhp_lock);
    return first == last ? -EBUSY : -ENOSPC;
  }
  cpuhp_states[state].used = true;
  cpuhp_states[state].multi = multi;
  cpuhp_states[state].startup = startup;
  cpuhp_states[state].teardown = teardown;
  if (calls) error = cpuhp_up(state, NULL);
  if (error) cpuhp_states[state].used = false;
  mutex_unlock(&cpuhp_lock);
  return error ? error : first == last ? 0 : state;
}

void kmem_cpuhp_remove(int state, bool calls);
void kmem_cpuhp_remove(int state, bool calls) {
  mutex_lock(&cpuhp_lock);
  if (calls && cpuhp_states[state].used) cpuhp_down(state, NULL, ~0u);
  cpuhp_states[state].used = false;
  mutex_unlock(&cpuhp_lock);
}

int kmem_cpuhp_add(int state, struct hlist_node* instance, bool calls);
int kmem_cpuhp_add(int state, struct hlist_node* instance, bool calls) {
  int error = -EINVAL;
  mutex_lock(&cpuhp_lock);
  if (cpuhp_states[state].used && cpuhp_states[state].multi) error = calls ? cpuhp_up(state, instance) : 0;
  mutex_unlock(&cpuhp_lock);
  return error;
}

int kmem_cpuhp_take(int state, struct hlist_node* instance, bool calls);
int kmem_cpuhp_take(int state, struct hlist_node* instance, bool calls) {
  mutex_lock(&cpuhp_lock);
  if (calls) cpuhp_down(state, instance, ~0u);
  mutex_unlock(&cpuhp_lock);
  return 0;
}
