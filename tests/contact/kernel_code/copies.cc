#include "copies.c"  // NOLINT: one program in two languages
