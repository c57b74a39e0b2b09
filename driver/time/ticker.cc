// jiffies as a variable, for modules that have asked for it: a thread keeps it up to date while there are any.

#include <pthread.h>
#include <time.h>

#include <linux/jiffies.h>

#include "time/clock.h"

volatile unsigned long kmem_driver_jiffies_now = INITIAL_JIFFIES;

namespace {

struct Ticker {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
  int users = 0;
  bool has_thread = false;
};
constinit Ticker ticker;

void note_time() { kmem_driver_jiffies_now = kmem_driver_jiffies(); }

/// A loop that waits for jiffies makes no call by which virtual time could advance, so it advances here.
void* tick(void*) {
  for (;;) {
    pthread_mutex_lock(&ticker.lock);
    while (!ticker.users) pthread_cond_wait(&ticker.wanted, &ticker.lock);
    pthread_mutex_unlock(&ticker.lock);
    kmem_driver::clock_spend(TICK_NSEC);
    note_time();
    const timespec one = {0, TICK_NSEC};
    nanosleep(&one, nullptr);
  }
}

}  // namespace

void kmem_driver_jiffies_wanted(int wanted) noexcept {
  note_time();
  pthread_mutex_lock(&ticker.lock);
  ticker.users += wanted ? 1 : -1;
  pthread_t thread;
  if (!ticker.has_thread && !pthread_create(&thread, nullptr, tick, nullptr)) {
    pthread_detach(thread);
    ticker.has_thread = true;
  }
  pthread_mutex_unlock(&ticker.lock);
  pthread_cond_signal(&ticker.wanted);
}
