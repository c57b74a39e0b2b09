#ifndef KMEM_LINUX_STRINGIFY_H
#define KMEM_LINUX_STRINGIFY_H
/* The text of a macro's expansion. */
#define __stringify_1(...) #__VA_ARGS__
#define __stringify(...) __stringify_1(__VA_ARGS__)
#endif
