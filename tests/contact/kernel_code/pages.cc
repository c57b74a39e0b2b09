#include "pages.c"  // NOLINT: one program in two languages
