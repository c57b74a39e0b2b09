/* A program of kernel code beside a library that has functions of the kernel's names for itself.  Compiled with
 *   NAMES  a file with X(name) for each name of kmem's headers, and #include lines for these before it: HEADERS
 *   BOTH   malloc is kmem's too, so blocks go from one face to the other
 * Each name is kmem's here, each is the library's there. */
#define _GNU_SOURCE
#include HEADERS
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lib_run(void);

static int wrong;
static void check(int good, const char* what, const char* name) {
  if (!good) {
    fprintf(stderr, "%s: %s\n", name, what);
    ++wrong;
  }
}

/* In a program that is linked statically the functions lie in the program. */
static void check_home(const char* name, const void* function, const void* of_kmem) {
  Dl_info here, there;
  if (!dladdr(function, &here) || !dladdr(of_kmem, &there)) return;
  check(!strcmp(here.dli_fname, there.dli_fname), here.dli_fname, name);
}

static const struct {
  const char* name;
  const void* function;
} functions[] = {
#define X(name) {#name, (const void*)(name)},
#include NAMES
};

static void use_both_faces(void) {
#ifdef BOTH
  char *p = kmalloc(100, GFP_KERNEL), *q = malloc(100);
  void *large = kmalloc(3 << 20, GFP_KERNEL), *larger = malloc(9 << 20);
  check(ksize(q) >= 100, "does not know malloc's block", "ksize");
  memset(p, 7, 100);
  p = realloc(p, 300); /* whoever gave it */
  check(p && p[0] == 7 && p[99] == 7, "lost what kmalloc's block held", "realloc");
  q = krealloc(q, 5000, GFP_KERNEL);
  check(q != NULL, "refused malloc's block", "krealloc");
  free(q);
  kfree(p);
  free(large);
  kfree(larger);
#endif
}

int main(int argc, char** argv) {
  struct mutex lock;
  const char* dlopened = argc > 1 ? argv[1] : NULL;
  int (*run)(void) = NULL;
#ifdef DLOPENS
  void* library = dlopen(dlopened, RTLD_NOW | (argc > 2 ? RTLD_GLOBAL : RTLD_LOCAL));
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 2;
  run = (int (*)(void))(size_t)dlsym(library, "lib_run");
#else
  (void)dlopened;
  run = lib_run;
#endif
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i)
    check_home(functions[i].name, functions[i].function, (const void*)(size_t)kmem_json);
  mutex_init(&lock);
  mutex_lock(&lock);
  check(mutex_is_locked(&lock), "is another's", "mutex_lock");
  mutex_unlock(&lock);
  vfree(vmalloc(10000));
  use_both_faces();
  check(run() == 0, "calls of its own went to kmem", "the library");
  if (!wrong) puts("ok");
  return wrong != 0;
}
