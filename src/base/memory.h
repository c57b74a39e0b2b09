#pragma once
// The four functions to which compilers generate calls, and that every freestanding program must define.

#include <stddef.h>

extern "C" {
void* memcpy(void* __restrict to, const void* __restrict from, size_t n) noexcept;
void* memmove(void* to, const void* from, size_t n) noexcept;
void* memset(void* at, int byte, size_t n) noexcept;
int memcmp(const void* a, const void* b, size_t n) noexcept;
}
