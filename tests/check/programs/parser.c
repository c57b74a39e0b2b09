#include <stdlib.h>
#include <string.h>
static char* copy_line(const char* text) {
  char* room = malloc(strlen(text) + 5000);
  strcpy(room, text);
  return room;
}
int main(void) {
  char* line = copy_line("a line");
  free(line);
  return 0;
}
