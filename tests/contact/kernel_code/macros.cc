#include "macros.c"  // NOLINT: one program in two languages
