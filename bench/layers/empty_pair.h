#pragma once
// Two functions of a shared object that do nothing: what is left of a pair of calls when the work is taken away.

#include <cstddef>

extern "C" {
void* empty_alloc(std::size_t size);
void empty_free(void* p);
}
