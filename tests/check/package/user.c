/* What a driver's author would try first. */
#include <linux/slab.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char* text = kmalloc(100, GFP_KERNEL);
  if (!text) return 1;
  strcpy(text, "kmalloc works");
  puts(text);
  kfree(text);
  return 0;
}
