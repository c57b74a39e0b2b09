// Threads of a process.

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/host.h"

namespace kmem_driver::host {

constinit thread_local Own own_of_thread = {};

namespace {

struct Started {
  void (*begin)(const Start&);
  Start start;
  char name[16];
};

/// The program's signals are for the program's threads.
void* run(void* argument) {
  const Started started = *static_cast<Started*>(argument);
  delete static_cast<Started*>(argument);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), started.name);
  started.begin(started.start);
  return nullptr;
}

pthread_key_t key;
pthread_once_t key_is_made = PTHREAD_ONCE_INIT;
void (*at_ends)(task_struct*) = nullptr;
void ends(void* task) { at_ends(static_cast<task_struct*>(task)); }
void make_key() { pthread_key_create(&key, ends); }

}  // namespace

int start_thread(const char* name, void (*begin)(const Start&), const Start& start) {
  auto* started = new Started{begin, start, ""};
  for (size_t i = 0; name[i] && i + 1 < sizeof(started->name); ++i) started->name[i] = name[i];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, run, started);
  pthread_attr_destroy(&attributes);
  if (error) delete started;
  return -error;
}

void end_thread() { pthread_exit(nullptr); }
void end_all() { abort(); }

void at_end(void (*ends)(task_struct*), task_struct* task) {
  pthread_once(&key_is_made, make_key);
  at_ends = ends;
  pthread_setspecific(key, task);
}

int thread_number() { return gettid(); }
int process_number() { return getpid(); }
void thread_name(char* name, size_t bytes) { pthread_getname_np(pthread_self(), name, bytes); }
void give_way() { sched_yield(); }

void bind(int thread, unsigned cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  sched_setaffinity(thread, sizeof(one), &one);
}
void set_nice(int thread, int nice) { setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice); }
void set_fifo(int thread, int priority) {
  const sched_param how = {priority};
  sched_setscheduler(thread, SCHED_FIFO, &how);
}
void send_signal(int process, int signal) { kill(process, signal); }

User user() { return {getuid(), geteuid(), getgid(), getegid()}; }

bool is_on_stack(const void* memory) {
  struct Bounds {
    char *begin = nullptr, *end = nullptr;
    Bounds() {
      pthread_attr_t attributes;
      void* base;
      size_t size;
      if (pthread_getattr_np(pthread_self(), &attributes)) return;
      if (!pthread_attr_getstack(&attributes, &base, &size)) begin = static_cast<char*>(base), end = begin + size;
      pthread_attr_destroy(&attributes);
    }
  };
  static thread_local const Bounds bounds;
  const auto* p = static_cast<const char*>(memory);
  return p >= bounds.begin && p < bounds.end;
}

}  // namespace kmem_driver::host
