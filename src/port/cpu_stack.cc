#include "port/cpu_stack.h"

char* kmem_base = nullptr;
