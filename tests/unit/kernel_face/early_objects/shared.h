#ifndef KMEM_TESTS_EARLY_OBJECTS_SHARED_H
#define KMEM_TESTS_EARLY_OBJECTS_SHARED_H

#define RING_BYTES (6ul << 20)

extern struct early {
  int nr_runs;
  void *ring, *refused;
} early;

#endif
