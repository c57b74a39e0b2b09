// A thread that makes the calls of another program's thread: `current` describes that thread.

#include <stdlib.h>
#include <string.h>

#include <kmem/driver.h>
#include <linux/cred.h>

#include "host/host.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

/// Open files point to the credentials of their opener, so credentials are never freed; there are few different ones. They are
/// in libc's memory, so that a leak scan does not count them as a driver's.
struct Known {
  Known* next;
  cred who;
};
constinit QuietLock known_lock;
constinit Known* known = nullptr;

bool is_same(const cred& a, const cred& b) {
  return uid_eq(a.uid, b.uid) && uid_eq(a.euid, b.euid) && gid_eq(a.gid, b.gid) && gid_eq(a.egid, b.egid);
}

const Known* find(const cred& who) {
  Quietly hold(known_lock);
  const Known* k = known;
  while (k && !is_same(k->who, who)) k = k->next;
  return k;
}

/// Null if there is no memory: then the host's own user is used.
const cred* cred_of(const kmem_driver_caller& c) {
  const kuid_t uid = {c.uid}, euid = {c.euid};
  const kgid_t gid = {c.gid}, egid = {c.egid};
  const cred who = {uid, euid, uid, euid, gid, egid, gid, egid, kmem_driver_init_user_ns()};
  if (const Known* k = find(who)) return &k->who;
  auto* made = static_cast<Known*>(malloc(sizeof(Known)));
  if (!made) return nullptr;
  made->who = who;
  Quietly hold(known_lock);
  made->next = known;
  known = made;
  return &made->who;
}

void set_numbers(task_struct* task, int pid, int tgid) {
  Quietly hold(tasks().lock);
  task->pid = pid;
  task->tgid = tgid;
}

}  // namespace
}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

void kmem_driver_act_as(const kmem_driver_caller* caller) noexcept {
  task_struct* task = get_current();
  if (caller) {
    task->cred = task->real_cred = cred_of(*caller);
    memcpy(task->comm, caller->comm, sizeof(task->comm));
    task->comm[sizeof(task->comm) - 1] = 0;
    kmem_driver_set_capable(caller->capabilities);
    task->kmem_tty.kmem_dev = caller->tty;
    task->signal->tty = caller->tty ? &task->kmem_tty : nullptr;
  }
  task->kmem_forwards = caller != nullptr;
  set_numbers(task, caller ? caller->pid : host::thread_number(), caller ? caller->tgid : host::process_number());
  flush_signals(task);
}

}  // extern "C"
