/* The same request by its flags: who may sleep, who must not, and what a scope changes. */
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <stdio.h>

int main(void) {
  void* patient = kmalloc(1000, GFP_KERNEL); /* may reclaim, and wait for it */
  void* hasty = kmalloc(1000, GFP_ATOMIC);   /* under a spin lock, in a signal handler: a part of the reserve is for these */
  void* modest = kmalloc(1000, GFP_NOWAIT);  /* takes what is there; no report where nothing is */
  void* zeroed = kmalloc(1000, GFP_KERNEL | __GFP_ZERO);
  const unsigned saved = memalloc_noio_save(); /* until it is restored, GFP_KERNEL means GFP_NOIO in this thread */
  void* in_scope = kmalloc(1000, GFP_KERNEL);
  memalloc_noio_restore(saved);
  printf("%s\n", patient && hasty && modest && zeroed && in_scope ? "five blocks" : "memory is short");
  kfree(patient);
  kfree(hasty);
  kfree(modest);
  kfree(zeroed);
  kfree(in_scope);
  return 0;
}
