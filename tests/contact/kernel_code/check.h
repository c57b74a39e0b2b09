/* For the programs here: conditions that must hold, and what kmem says meanwhile. */
#ifndef KERNEL_CODE_CHECK_H
#define KERNEL_CODE_CHECK_H
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;
#define CHECK(condition)                                                     \
  do {                                                                       \
    if (!(condition)) {                                                      \
      printf("BAD %s:%d: %s\n", __FILE__, __LINE__, #condition), ++failures; \
    }                                                                        \
  } while (0)

/* Does standard error hear `words` while `happens` runs?  NULL: nothing at all. */
static __attribute__((unused)) int heard_(int file, const char* words) {
  static char text[65536];
  const ssize_t n = pread(file, text, sizeof text - 1, 0);
  text[n > 0 ? n : 0] = 0;
  if (words ? strstr(text, words) != NULL : n <= 0) return 1;
  printf("said: %s\n", text);
  return 0;
}
#define SAYS(words, happens)                          \
  do {                                                \
    char name_[] = "/tmp/kmem-saysXXXXXX";            \
    const int file_ = mkstemp(name_), kept_ = dup(2); \
    unlink(name_);                                    \
    dup2(file_, 2);                                   \
    happens;                                          \
    dup2(kept_, 2);                                   \
    CHECK(heard_(file_, words));                      \
    close(kept_), close(file_);                       \
  } while (0)
#endif
