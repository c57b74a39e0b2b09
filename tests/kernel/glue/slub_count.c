/* Counts what kmem says of a cache that is validated: reports and repairs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

long slub_count_reports(long (*validate)(void* cache), void* cache) {
  FILE* said = tmpfile();
  const int standard_error = dup(2);
  char line[512];
  long n = 0;
  dup2(fileno(said), 2);
  validate(cache);
  dup2(standard_error, 2);
  close(standard_error);
  rewind(said);
  while (fgets(line, sizeof(line), said)) {
    fputs(line, stderr);
    if (strstr(line, "kmem: BUG ") || strstr(line, "kmem: FIX ")) ++n;
  }
  fclose(said);
  return n;
}
