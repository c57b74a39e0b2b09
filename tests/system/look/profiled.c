/* Allocates known amounts at known places, as often as it is told: "churn BYTES TIMES" a line, "keep BYTES TIMES", and answers
   each with a line.  "jit" keeps as well, called by generated code, which /tmp/perf-PID.map names.  "spin" allocates and frees one block for ever, which never leaves malloc's fast path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void* volatile sink;

__attribute__((noinline)) static void churn(size_t bytes, long times) {
  for (long i = 0; i < times; ++i) {
    sink = malloc(bytes);
    free(sink);
  }
}

__attribute__((noinline)) static void keep(size_t bytes, long times) {
  for (long i = 0; i < times; ++i) {
    void** block = malloc(bytes);
    *block = sink;
    sink = block;
  }
}

/* push %rbp; mov %rsp, %rbp; call *%rdx; pop %rbp; ret */
static const unsigned char kCode[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd2, 0x5d, 0xc3};

static void keep_by_generated_code(size_t bytes, long times) {
  char name[64];
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(page, kCode, sizeof kCode);
  snprintf(name, sizeof name, "/tmp/perf-%d.map", (int)getpid());
  FILE* map = fopen(name, "w");
  if (map) fprintf(map, "%lx %zx Lua::a function\n", (unsigned long)page, sizeof kCode), fclose(map);
  ((void (*)(size_t, long, void (*)(size_t, long)))page)(bytes, times, keep);
}

int main(void) {
  char what[16];
  size_t bytes = 64;
  long times = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("ready");
  while (scanf("%15s", what) == 1) {
    if (!strcmp(what, "spin"))
      for (;;) churn(bytes, 1000);
    if (scanf("%zu %ld", &bytes, &times) != 2) return 1;
    if (!strcmp(what, "churn")) churn(bytes, times);
    else if (!strcmp(what, "jit")) keep_by_generated_code(bytes, times);
    else keep(bytes, times);
    puts("done");
  }
  return 0;
}
