// Other ways to a new process: vfork and exec, posix_spawn, system, popen; each from a process with threads.
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

#include "check.h"

extern char** environ;
static volatile int stop;

static void* allocate_without_end(void* argument) {
  for (size_t n = 1; !stop; n = n * 3 % 99991 + 1) free(memset(malloc(n), 1, n));
  return argument;
}

TEST(vfork_and_exec) {
  for (int i = 0; i < 50; ++i) {
    void* p = malloc(1000);
    const pid_t child = vfork();
    if (child == 0) {
      execl("/bin/true", "true", (char*)NULL);
      _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(status == 0, "status %#x", (unsigned)status);
    free(p);
  }
}

TEST(posix_spawn_of_a_program) {
  for (int i = 0; i < 50; ++i) {
    char* const arguments[] = {(char*)"true", NULL};
    pid_t child = 0;
    int status = -1;
    EXPECT(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0, "posix_spawn");
    waitpid(child, &status, 0);
    EXPECT(status == 0, "status %#x", (unsigned)status);
  }
}

TEST(system_runs_a_shell) {
  for (int i = 0; i < 20; ++i) EXPECT(system("exit 7") == 7 << 8, "system");
}

TEST(popen_reads_what_a_program_writes) {
  for (int i = 0; i < 20; ++i) {
    FILE* pipe = popen("echo some words; echo more", "r");
    REQUIRE(pipe != NULL, "popen");
    char* line = NULL;
    size_t size = 0;
    EXPECT(getline(&line, &size, pipe) == 11 && strcmp(line, "some words\n") == 0, "getline: %s", line);
    EXPECT(getline(&line, &size, pipe) == 5, "second line");
    free(line);
    EXPECT(pclose(pipe) == 0, "pclose");
  }
}

int main(int argc, char** argv) {
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) pthread_create(&threads[i], NULL, allocate_without_end, NULL);
  const int result = run_tests(argc, argv);
  stop = 1;
  for (int i = 0; i < 3; ++i) pthread_join(threads[i], NULL);
  return result;
}
