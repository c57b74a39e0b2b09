// malloc is called before any constructor has run: from .preinit_array, then from a library's constructor, then from
// the program's own.  What was allocated then is good in main(), and at exit.
#include "check.h"

extern char* early_block;
extern char* early_large_block;

static char* preinit_block;
static char* preinit_large_block;
static char* constructor_block;

static void allocate_in_preinit(int argc, char** argv, char** environment) {
  (void)argc, (void)argv, (void)environment;
  preinit_block = malloc(64);
  if (preinit_block != NULL) strcpy(preinit_block, "from preinit");
  preinit_large_block = malloc(2000000);
  if (preinit_large_block != NULL) memset(preinit_large_block, 7, 2000000);
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit_entry)(int, char**, char**) = allocate_in_preinit;

__attribute__((constructor(101))) static void allocate_in_constructor(void) {
  constructor_block = strdup("from the program's constructor");
}

static void free_at_exit(void) {
  void* p = malloc(5000);
  memset(p, 1, 5000);
  free(p);
}

TEST(blocks_from_preinit_array_are_good) {
  REQUIRE(preinit_block != NULL && preinit_large_block != NULL, "allocation in .preinit_array");
  EXPECT(strcmp(preinit_block, "from preinit") == 0, "%s", preinit_block);
  EXPECT(preinit_large_block[0] == 7 && preinit_large_block[1999999] == 7, "contents");
  preinit_block = realloc(preinit_block, 10000);
  EXPECT(preinit_block != NULL && strcmp(preinit_block, "from preinit") == 0, "after realloc");
  free(preinit_block);
  free(preinit_large_block);
}

TEST(blocks_from_constructors_are_good) {
  REQUIRE(early_block != NULL && early_large_block != NULL && constructor_block != NULL, "allocation in constructors");
  EXPECT(strcmp(early_block, "from the library's constructor") == 0, "%s", early_block);
  EXPECT(strcmp(constructor_block, "from the program's constructor") == 0, "%s", constructor_block);
  EXPECT(early_large_block[0] == 0 && early_large_block[2999999] == 0, "contents");
  free(early_block);
  free(early_large_block);
  free(constructor_block);
}

int main(int argc, char** argv) {
  atexit(free_at_exit);
  return run_tests(argc, argv);
}
