/* The crash types of lkdtm's heap tests, by number, for a program. */
#include "lkdtm.h"

extern struct crashtype_category heap_crashtypes;
void __init lkdtm_heap_init(void);
void __exit lkdtm_heap_exit(void);

const char* heap_test_name(unsigned int n) { return n < heap_crashtypes.len ? heap_crashtypes.crashtypes[n].name : 0; }
void heap_test_run(unsigned int n) { heap_crashtypes.crashtypes[n].func(); }
void heap_tests_begin(void) { lkdtm_heap_init(); }

/* What lkdtm's core says of the kernel: in which configuration more is found. */
char* lkdtm_kernel_info = "kmem";
int lkdtm_check_bool_cmdline(const char* word) {
  (void)word;
  return -22; /* EINVAL: the word was not given */
}
