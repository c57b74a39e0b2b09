#pragma once
// vfork() and clone() that handle restartable sequences; libc's names are defined by them (faces/libc).

#include <sys/types.h>

extern "C" {
__attribute__((visibility("hidden"))) pid_t kmem_vfork();
__attribute__((visibility("hidden"))) int kmem_clone(int (*function)(void*), void* stack, int flags, void* argument, ...);
}
