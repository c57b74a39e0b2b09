// The same names from C++.
#include "every_name.c"  // NOLINT: one program in two languages
