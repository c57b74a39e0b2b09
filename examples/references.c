/* Something that many threads use and one ends: references that each CPU counts for itself until then. */
#include <linux/container_of.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>

#include <stdio.h>

struct session {
  struct percpu_ref users;
  int number;
};

static void last_user_went(struct percpu_ref* ref) {
  struct session* session = container_of(ref, struct session, users);
  printf("session %d has no user any more\n", session->number);
}

int main(void) {
  struct session* session = kzalloc(sizeof *session, GFP_KERNEL);
  if (!session || percpu_ref_init(&session->users, last_user_went, 0, GFP_KERNEL)) return 1;
  session->number = 7;

  if (percpu_ref_tryget_live(&session->users)) /* a user comes: no other CPU hears of it */
    printf("session %d is in use\n", session->number);
  percpu_ref_kill(&session->users); /* from now on nobody else comes */
  printf("one more: %s\n", percpu_ref_tryget_live(&session->users) ? "BAD" : "refused");
  percpu_ref_put(&session->users); /* the user goes, and was the last */

  percpu_ref_exit(&session->users);
  kfree(session);
  return 0;
}
