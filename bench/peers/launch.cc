// peers-launch [--look] RESULT PRELOAD PROGRAM [ARGS...]: runs one program and writes what it cost as JSON.  With --look it
// also looks at the program's memory every few milliseconds: how much of it lay on huge pages, and what it held last.
//
// Why not from the script itself: a child inherits the peak resident size of the process that it was forked from, and
// a Python interpreter is larger than many a workload.  This parent is smaller than any of them.  It also preloads the
// allocator into the program alone.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; }

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

/// What was seen of a program's memory while it ran.
struct Looks {
  long most_huge_kb = 0, last_kb = 0;
};

/// The number behind a word of /proc/PID/smaps_rollup.
long number_after(const char* text, const char* word) {
  const char* at = strstr(text, word);
  return at ? strtol(at + strlen(word), nullptr, 10) : 0;
}

void look(pid_t child, Looks& looks) {
  char text[4096];
  snprintf(text, sizeof text, "/proc/%d/smaps_rollup", child);
  const int fd = open(text, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return;  // it has just ended
  text[length] = 0;
  const long huge = number_after(text, "AnonHugePages:");
  if (huge > looks.most_huge_kb) looks.most_huge_kb = huge;
  looks.last_kb = number_after(text, "Rss:");
}

/// Until it has ended.
bool wait_for(pid_t child, bool looking, int& status, rusage& used, Looks& looks) {
  constexpr timespec kBetweenLooks{0, 5'000'000};
  for (;;) {
    const pid_t ended = wait4(child, &status, looking ? WNOHANG : 0, &used);
    if (ended) return ended == child;
    look(child, looks);
    nanosleep(&kBetweenLooks, nullptr);
  }
}

int write_result(const char* file, int status, double wall, const rusage& used, const Looks& looks) {
  char text[512];
  const int length = snprintf(text, sizeof text,
                              "{\"exit\":%d,\"signal\":%d,\"wall_s\":%.6f,\"user_s\":%.6f,\"sys_s\":%.6f,\"peak_kb\":%ld,"
                              "\"faults\":%ld,\"major_faults\":%ld,\"huge_kb\":%ld,\"last_kb\":%ld}\n",
                              WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0, wall,
                              seconds(used.ru_utime), seconds(used.ru_stime), used.ru_maxrss, used.ru_minflt, used.ru_majflt,
                              looks.most_huge_kb, looks.last_kb);
  const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, static_cast<size_t>(length)) != length) {
    perror(file);
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool looking = argc > 1 && !strcmp(argv[1], "--look");
  if (looking) ++argv, --argc;
  if (argc < 4) {
    fprintf(stderr, "usage: peers-launch [--look] RESULT PRELOAD PROGRAM [ARGS...]   (an empty PRELOAD preloads nothing)\n");
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
  Looks looks;
  if (!wait_for(child, looking, status, used, looks)) {
    perror("wait4");
    return 1;
  }
  return write_result(argv[1], status, now() - start, used, looks);
}
