/* Knows nothing of kmem, and bears a malloc that fails: for kmem_add_fail_nth_test() and its kin. */
#include <stdlib.h>

int main(void) {
  char* room = malloc(100);
  free(room);
  return room == NULL;
}
