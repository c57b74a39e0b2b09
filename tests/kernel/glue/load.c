/* Loads the module that is linked with it, with the parameters of the command line, and unloads it again. */
#include <kmem/driver.h>
#include <stdio.h>

int main(int argc, char** argv) {
  const int loaded = kmem_driver_load_with(&kmem_this_module, argc - 1, argv + 1);
  printf("loaded: %d\n", loaded);
  if (loaded == 0) printf("unloaded: %d\n", kmem_driver_unload(&kmem_this_module));
  return 0;
}
