// Threads that live as long as a pattern, so that a repeat measures their work and not their birth.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <functional>
#include <thread>
#include <vector>

namespace kmem::bench {

/// Keeps the calling thread on the n-th of the CPUs that the process may use.  Left to itself the system often puts
/// two threads that wait for each other on one CPU, and then nothing passes between CPUs at all.
inline void stay_on_cpu(unsigned n) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  unsigned skip = n % static_cast<unsigned>(CPU_COUNT(&allowed));
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || skip-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

/// `size` threads that all do the same work, once per run().
class Team {
 public:
  using Work = std::function<void(unsigned member)>;
  enum class Place { kAnywhere, kOwnCpu };

  Team(unsigned size, Place place, Work work) : work_(std::move(work)) {
    pthread_barrier_init(&barrier_, nullptr, size + 1);
    for (unsigned member = 0; member < size; ++member) {
      threads_.emplace_back([this, place, member] {
        if (place == Place::kOwnCpu) stay_on_cpu(member);
        serve(member);
      });
    }
  }
  ~Team() {
    over_ = true;
    pthread_barrier_wait(&barrier_);
    for (std::thread& thread : threads_) thread.join();
    pthread_barrier_destroy(&barrier_);
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Starts everyone and returns when the last one is done.
  void run() {
    pthread_barrier_wait(&barrier_);
    pthread_barrier_wait(&barrier_);
  }

 private:
  void serve(unsigned member) {
    for (;;) {
      pthread_barrier_wait(&barrier_);
      if (over_) return;  // written before the barrier that let us through
      work_(member);
      pthread_barrier_wait(&barrier_);
    }
  }

  Work work_;
  pthread_barrier_t barrier_;
  bool over_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kmem::bench
