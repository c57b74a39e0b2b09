#pragma once
// The processor's form of a page table's entry.

#if defined(__x86_64__)
#include "x86_64/page_entry.h"
#elif defined(__i386__)
#include "i386/page_entry.h"
#elif defined(__aarch64__)
#include "arm64/page_entry.h"
#endif
