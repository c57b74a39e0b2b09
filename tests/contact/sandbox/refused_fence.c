// Kernel code whose host refuses membarrier after start, by an error: what needs it says so and goes on.
#include <linux/percpu-refcount.h>
#include <linux/slab.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int nr_released;
static void release(struct percpu_ref* ref) {
  (void)ref;
  nr_released++;
}
static void* idle(void* argument) {
  for (;;) pause();
  return argument;
}

static int refuse_membarrier(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};

  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

int main(void) {
  static struct percpu_ref before, after;
  struct kmem_cache* cache = kmem_cache_create("things", 100, 0, SLAB_NO_MERGE, NULL);
  pthread_t thread;

  alarm(300);
  pthread_create(&thread, NULL, idle, NULL);
  if (percpu_ref_init(&before, release, 0, GFP_KERNEL)) return 1;
  if (refuse_membarrier()) {
    puts("skipped: this host lets a process have no seccomp filter");
    return 77;
  }
  percpu_ref_get(&before);
  percpu_ref_put(&before);
  percpu_ref_kill(&before); /* ends, and says that it is never released */
  for (int i = 0; i < 1000; ++i) kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
  kmem_cache_shrink(cache);
  if (percpu_ref_init(&after, release, PERCPU_REF_INIT_ATOMIC, GFP_KERNEL)) return 2;
  percpu_ref_kill(&after);
  printf("released %d\n", nr_released);
  return nr_released == 1 ? 0 : 3;
}
