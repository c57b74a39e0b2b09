/* Per-CPU variables of a program, of a shared library loaded with it, and of a plugin that comes and goes.
 *   percpu_objects PLUGIN */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "shared.h"

DEFINE_PER_CPU(long, of_program) = 1;
EXPORT_PER_CPU_SYMBOL(of_program);

static int wrong;
static void expect(const char* what, long got, long want) {
  if (got == want) return;
  printf("BAD: %s is %ld instead of %ld\n", what, got, want);
  wrong = 1;
}

static long sum_of(long __percpu* variable) {
  long sum = 0;
  int cpu;
  for_each_possible_cpu(cpu) sum += *per_cpu_ptr(variable, cpu);
  return sum;
}

static void (*bump)(void);
static void* bump_much(void* unused) {
  for (int i = 0; i < 1000; ++i) bump();
  return unused;
}

/* Threads that used it live on, and are scheduled, when it is gone. */
static void load_and_unload(const char* path, long first) {
  void* plugin = dlopen(path, RTLD_NOW);
  if (!plugin) {
    printf("BAD: %s\n", dlerror());
    wrong = 1;
    return;
  }
  long* of_plugin = dlsym(plugin, "of_plugin");
  void* function = dlsym(plugin, "plugin_bump");
  memcpy(&bump, &function, sizeof bump);
  expect("the plugin's sum", sum_of(of_plugin), 5 * first);
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, bump_much, NULL);
  bump_much(NULL);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  expect("the plugin's sum", sum_of(of_plugin), 5 * first + 10000);
  const unsigned long copy = (unsigned long)per_cpu_ptr(of_plugin, 0);
  expect("known", is_kernel_percpu_address(copy), 1);
  dlclose(plugin);
  expect("known when it is gone", is_kernel_percpu_address(copy), 0);
}

int main(int argc, char** argv) {
  const long nr = (long)nr_cpu_ids;
  expect("the library's sum", sum_of(&of_library), 42 * nr);
  expect("the program's sum", sum_of(&of_program), nr);
  this_cpu_inc(of_library);
  library_bump();
  expect("the library's sum", sum_of(&of_library), 42 * nr + 2);
  expect("the program's sum", sum_of(&of_program), nr + 2);
  expect("the library's own", library_hidden(), 3 * nr + 1);
  for (int i = 0; argc > 1 && i < 5; ++i) load_and_unload(argv[1], nr);
  expect("the program's sum", sum_of(&of_program), nr + 2 + 5 * 5000);
  puts(wrong ? "wrong" : "each copy is where it should be");
  return wrong;
}
