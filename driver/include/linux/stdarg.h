#ifndef KMEM_LINUX_STDARG_H
#define KMEM_LINUX_STDARG_H
/* Arguments of which there are any number: va_list and its macros. */
#include <stdarg.h>
#endif
