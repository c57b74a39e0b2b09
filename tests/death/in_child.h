#pragma once
// A mistake in a process of its own, and what was said of it.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace kmem::test {

struct Outcome {
  std::string text;  // all that was reported
  int status = 0;    // as waitpid() gives it
};

/// Runs `f` in a child, whose exit status is what `f` answers.
template <typename F>
Outcome run_in_child(F f) {
  int ends[2];
  if (pipe(ends)) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    _exit(f());
  }
  close(ends[1]);
  Outcome outcome;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) outcome.text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  waitpid(child, &outcome.status, 0);
  return outcome;
}

}  // namespace kmem::test
