/* What ends with its block: nothing is freed or unlocked by hand, on no path. */
#include <linux/cleanup.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <stdio.h>

struct state {
  int number;
  char* name;
};

static DEFINE_MUTEX(lock);
static int last_number;

static struct state* make_state(const char* name) {
  struct state* state __free(kfree) = kzalloc_obj(*state);
  if (!state) return NULL;
  state->name = kstrdup(name, GFP_KERNEL);
  if (!state->name) return NULL; /* state is freed */
  guard(mutex)(&lock);           /* until this function returns */
  state->number = ++last_number;
  return_ptr(state); /* from here on it is the caller's */
}

int main(void) {
  struct state* state = make_state("first");
  if (!state) return 1;
  printf("%s has number %d\n", state->name, state->number);
  kfree(state->name);
  kfree(state);
  return 0;
}
