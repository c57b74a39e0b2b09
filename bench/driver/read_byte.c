/* What a read of one byte takes: read_byte READS ROUNDS [DEVICE]
 *
 * Of a device, or, without one, of a pipe to another process that sends each byte back by a second pipe: the least that two
 * processes can do to answer each other.  Prints the best round's nanoseconds for one. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int there[2], back[2], device = -1;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The other process: ends when nobody writes any more. */
static void echo(void) {
  char byte;
  close(there[1]);
  close(back[0]);
  while (read(there[0], &byte, 1) == 1)
    if (write(back[1], &byte, 1) != 1) break;
  _exit(0);
}

static int once(void) {
  char byte = 'x';
  if (device >= 0) return pread(device, &byte, 1, 0) == 1;
  return write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1;
}

static int begin(const char* path) {
  if (path) {
    device = open(path, O_RDWR);
    return device >= 0 && write(device, "x", 1) == 1;
  }
  if (pipe(there) || pipe(back)) return 0;
  if (!fork()) echo();
  return 1;
}

int main(int argc, char** argv) {
  const int reads = argc > 1 ? atoi(argv[1]) : 4000, rounds = argc > 2 ? atoi(argv[2]) : 10;
  double best = 0;
  if (reads < 1 || rounds < 1 || !begin(argc > 3 ? argv[3] : NULL)) return 1;
  for (int round = 0; round < rounds; ++round) {
    const double from = now();
    for (int i = 0; i < reads; ++i)
      if (!once()) return 1;
    const double each = (now() - from) / reads;
    if (!round || each < best) best = each;
  }
  printf("%.0f\n", best);
  return 0;
}
