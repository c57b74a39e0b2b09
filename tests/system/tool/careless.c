// A program whose handling of failure is wrong in the ways that its arguments name: for `kmem fail-nth` to find.
//   careless [crash] [hang] [leak] [twice] [give-up]
// And for `kmem validate`:
//   careless [overrun] [twice-in-a-sheaf] [in-a-child]
//   careless [overrun] [twice-in-a-sheaf] linger|toil     says "ready", and stays or works until its input ends
// And, careless in another way, it ends while its threads are in the middle of their calls:
//   careless busy
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_asked(int argc, char** argv, const char* what) {
  for (int i = 1; i < argc; ++i)
    if (strcmp(argv[i], what) == 0) return 1;
  return 0;
}

__attribute__((noinline)) static char* crash_without_memory(void) {
  char* p = malloc(600);
  return strcpy(p, "nobody looked whether there is memory");
}

__attribute__((noinline)) static void leak_without_memory(void) {
  char* kept = malloc(1000);
  char* other = malloc(900);
  if (!other) return;  // and `kept`?
  free(other);
  free(kept);
}

__attribute__((noinline)) static void hang_without_memory(void) {
  char* p;
  while ((p = malloc(800)) == NULL) usleep(1000);
  free(p);
}

__attribute__((noinline)) static void free_twice_without_memory(void) {
  char *block = malloc(2000), *other = malloc(1500);
  if (!other) free(block);
  free(other);
  free(block);
}

// Never freed, so that nobody looks at it before the end.
static char* volatile overrun_block;
static void overrun(void) {
  overrun_block = malloc(100);
  *(volatile char*)(overrun_block + 100) = 1;
}

// Not the one that was freed last: the fast path does not see that.
static void free_twice_in_a_sheaf(void) {
  char* volatile blocks[200];
  for (int i = 0; i < 200; ++i) blocks[i] = malloc(2000);
  for (int i = 0; i < 20; ++i) free(blocks[180 + i]);
  free(blocks[185]);
}

static void* allocate_for_ever(void* size) {
  for (;;) {
    void* volatile p = malloc((size_t)size);
    free(p);
  }
  return NULL;
}

// Until the input ends; then it says how many children there are, which nobody has made.
static int stay(int works) {
  for (size_t i = 0; works && i < 3; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, allocate_for_ever, (void*)(700 + i / 2))) return 9;
  }
  puts("ready");
  fflush(stdout);
  while (getchar() != EOF || (ferror(stdin) && (clearerr(stdin), 1))) {
  }
  const int child = waitpid(-1, NULL, __WALL | WNOHANG);
  printf("%s\n", child < 0 ? "no child" : "a child");
  return 0;
}

// Long enough for each to have begun, even where they take turns.
static void leave_busy_threads(void) {
  for (size_t i = 0; i < 4; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, allocate_for_ever, (void*)(700 + i / 2))) exit(9);
  }
  usleep(50000);
  exit(0);
}

int main(int argc, char** argv) {
  if (is_asked(argc, argv, "busy")) leave_busy_threads();
  if (is_asked(argc, argv, "in-a-child")) {
    const int child = fork();
    if (child) return wait(NULL) == child ? 0 : 1;
  }
  if (is_asked(argc, argv, "overrun")) overrun();
  if (is_asked(argc, argv, "twice-in-a-sheaf")) free_twice_in_a_sheaf();
  if (is_asked(argc, argv, "linger") || is_asked(argc, argv, "toil")) return stay(is_asked(argc, argv, "toil"));
  if (is_asked(argc, argv, "crash")) free(crash_without_memory());
  if (is_asked(argc, argv, "leak")) leak_without_memory();
  if (is_asked(argc, argv, "hang")) hang_without_memory();
  if (is_asked(argc, argv, "twice")) free_twice_without_memory();
  for (int i = 0; i < 3; ++i) {  // as it should be
    char* p = malloc(5000);
    if (!p && is_asked(argc, argv, "give-up")) return 3;
    if (p) memset(p, i, 5000);
    free(p);
  }
  return 0;
}
