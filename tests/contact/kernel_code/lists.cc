#include "lists.c"  // NOLINT: one program in two languages
