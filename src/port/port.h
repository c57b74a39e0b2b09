#pragma once
// All functions that the core needs from its environment, by facets; a port defines them, or takes the ready-made files of
// ports/common for what its machine does not have.  Each facet has its contract test in tests/port.

#include "port/devices.h"
#include "port/diagnosis.h"
#include "port/high_memory.h"
#include "port/memory.h"
#include "port/tasks.h"
#include "port/window.h"
