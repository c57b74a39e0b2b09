#ifndef KMEM_TREE_ASM_STRING_H
#define KMEM_TREE_ASM_STRING_H
/* The functions of <linux/string.h> that the C library defines, so that the kernel's lib/string.c need not. */
#include <linux/types.h>
#define __HAVE_ARCH_MEMCPY
#define __HAVE_ARCH_MEMMOVE
#define __HAVE_ARCH_MEMSET
#define __HAVE_ARCH_MEMCMP
#define __HAVE_ARCH_BCMP
#define __HAVE_ARCH_MEMCHR
#define __HAVE_ARCH_STRCPY
#define __HAVE_ARCH_STRNCPY
#define __HAVE_ARCH_STRCAT
#define __HAVE_ARCH_STRNCAT
#define __HAVE_ARCH_STRCMP
#define __HAVE_ARCH_STRNCMP
#define __HAVE_ARCH_STRCASECMP
#define __HAVE_ARCH_STRNCASECMP
#define __HAVE_ARCH_STRCHR
#define __HAVE_ARCH_STRCHRNUL
#define __HAVE_ARCH_STRRCHR
#define __HAVE_ARCH_STRLEN
#define __HAVE_ARCH_STRNLEN
#define __HAVE_ARCH_STRSPN
#define __HAVE_ARCH_STRCSPN
#define __HAVE_ARCH_STRPBRK
#define __HAVE_ARCH_STRSEP
#define __HAVE_ARCH_STRSTR
void* memcpy(void* to, const void* from, size_t n);
void* memmove(void* to, const void* from, size_t n);
void* memset(void* to, int byte, size_t n);
int memcmp(const void* a, const void* b, size_t n);
int bcmp(const void* a, const void* b, size_t n);
void* memchr(const void* p, int byte, size_t n);
char* strcpy(char* to, const char* from);
char* strncpy(char* to, const char* from, size_t n);
char* strcat(char* to, const char* from);
char* strncat(char* to, const char* from, size_t n);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, size_t n);
int strcasecmp(const char* a, const char* b);
int strncasecmp(const char* a, const char* b, size_t n);
char* strchr(const char* s, int c);
char* strchrnul(const char* s, int c);
char* strrchr(const char* s, int c);
size_t strlen(const char* s);
size_t strnlen(const char* s, size_t n);
size_t strspn(const char* s, const char* set);
size_t strcspn(const char* s, const char* set);
char* strpbrk(const char* s, const char* set);
char* strsep(char** s, const char* set);
char* strstr(const char* s, const char* part);
#endif
