#pragma once
// What a driver's surroundings ask of their host: threads, sleep, a clock, names of code. The folder's sources answer for a
// process; ports/bare/driver/ does for a bare machine.

#include <stddef.h>

struct task_struct;
struct kmem_driver_user;

namespace kmem_driver {

constexpr unsigned long long kNever = ~0ull;

namespace host {

// Threads ------------------------------------------------------------------------------------------------------------------

/// What libkmem-driver knows of a thread.
struct Own {
  task_struct* task;
  bool task_ended;  // only what the host does at a thread's end still runs
  unsigned faults_off;
  const kmem_driver_user* user;  // its user space; null: this process
  void* worker;                  // of a work queue
  unsigned lockdep_off, next_subclass;
  const void* next_nest;               // the lock that the next one is nested under
  unsigned held_below;                 // locks of what an interrupt has interrupted: the first ones that the task holds
  int error;                           // errno, where the host has none
  unsigned long long no_capabilities;  // bit n: it lacks capability n
};
#ifdef KMEM_BARE
/// Of the calling task; in an interrupt, of the interrupted one.
Own& own();
#else
extern constinit thread_local Own own_of_thread;
inline Own& own() { return own_of_thread; }
#endif

struct Start {
  task_struct* task;
  void (*body)(void* data);
  void* data;
};
/// Starts a thread with that name, which calls begin(start). Any context. 0 or -errno.
int start_thread(const char* name, void (*begin)(const Start&), const Start& start);
[[noreturn]] void end_thread();
/// Ends the process, or stops the machine: a driver cannot go on.
[[noreturn]] void end_all();
/// When the calling thread ends, the host calls ends(task), unless a later call has passed null. Threads that it did not start
/// here too.
void at_end(void (*ends)(task_struct* task), task_struct* task);

int thread_number();
int process_number();
void thread_name(char* name, size_t bytes);
/// Lets other threads run.
void give_way();
// Requests to the scheduler, by number; a host may ignore them.
void bind(int thread, unsigned cpu);
void set_nice(int thread, int nice);
void set_fifo(int thread, int priority);
void send_signal(int process, int signal);

// Sleep and time -----------------------------------------------------------------------------------------------------------

enum class Woken { Yes, BySignal, TooLate };
/// Sleeps while the word has that value, until wake() or now_ns() reaches the deadline; may return early. In an interrupt of a
/// bare machine it returns at once.
Woken wait(unsigned* word, unsigned value, unsigned long long deadline = kNever);
void wake(unsigned* word, int most);

/// Nanoseconds since some moment before the start.
unsigned long long now_ns();
/// Nanoseconds since 1970; a host without a calendar counts from its start.
unsigned long long calendar_ns();
/// Sleeps for some microseconds.
void nap();

// Memory and code ----------------------------------------------------------------------------------------------------------

/// Zeroed pages that are never given back; null: none. Any context.
void* pages(size_t bytes);
bool is_on_stack(const void* memory);
/// Is it part of a loaded object: code, or static data?
bool is_static(const void* address);
/// The name of the file that the object was loaded from; null: unknown.
const char* object_of(const void* address);

/// The calling thread's stack, the caller of this function first.
int trace(void** frames, int most);
/// The function that contains the address, and how far behind its start it is.
bool name_code(const void* address, char* name, size_t bytes, unsigned long* offset);

/// The first of a copy's instructions that may fault, and where it goes on after a fault.
struct FixUp {
  const char *first, *last;
};
/// From now on faults of these instructions go on there; others are passed to mapped(address, write), and then to who had them
/// before.
using FaultHandler = bool (*)(void* address, bool write);
void watch_faults(const FixUp* fix_ups, int nr, const FaultHandler* mapped);

struct User {
  unsigned uid, euid, gid, egid;
};
User user();

}  // namespace host
}  // namespace kmem_driver
