// The same from C++, which has no flexible arrays of its own.
#pragma GCC diagnostic ignored "-Wpedantic"
#include "objects.c"  // NOLINT: one program in two languages
