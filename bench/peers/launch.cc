// peers-launch RESULT PRELOAD PROGRAM [ARGS...]: runs one program and writes what it cost as JSON.
//
// Why not from the script itself: a child inherits the peak resident size of the process that it was forked from, and
// a Python interpreter is larger than many a workload.  This parent is smaller than any of them.  It also preloads the
// allocator into the program alone.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

[[noreturn]] void become(const char* preload, char** command) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // when the script gives up on us, the program goes too
  if (*preload) setenv("LD_PRELOAD", preload, 1);
  execvp(command[0], command);
  perror(command[0]);
  _exit(127);
}

int write_result(const char* file, int status, double wall, const rusage& used) {
  char text[256];
  const int length = snprintf(
      text, sizeof text, "{\"exit\":%d,\"signal\":%d,\"wall_s\":%.6f,\"user_s\":%.6f,\"sys_s\":%.6f,\"peak_kb\":%ld}\n",
      WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0, wall,
      seconds(used.ru_utime), seconds(used.ru_stime), used.ru_maxrss);
  const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, static_cast<size_t>(length)) != length) {
    perror(file);
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: peers-launch RESULT PRELOAD PROGRAM [ARGS...]   (an empty PRELOAD preloads nothing)\n");
    return 2;
  }
  const double start = now();
  const pid_t child = fork();
  if (child < 0) {
    perror("fork");
    return 1;
  }
  if (child == 0) become(argv[2], argv + 3);

  int status = 0;
  rusage used{};  // the child and all its descendants that were waited for
  if (wait4(child, &status, 0, &used) != child) {
    perror("wait4");
    return 1;
  }
  return write_result(argv[1], status, now() - start, used);
}
