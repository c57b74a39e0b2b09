#ifndef KMEM_LINUX_SIGNAL_H
#define KMEM_LINUX_SIGNAL_H
/* Signals' numbers, and what has happened to a file (POLL_IN): the system's. */
#include <signal.h>
#endif
