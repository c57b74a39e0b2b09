#ifndef KMEM_TESTS_PERCPU_OBJECTS_SHARED_H
#define KMEM_TESTS_PERCPU_OBJECTS_SHARED_H
#include <linux/percpu.h>

DECLARE_PER_CPU(long, of_library);
DECLARE_PER_CPU(long, of_program);

#ifdef __cplusplus
extern "C" {
#endif
void library_bump(void);
long library_hidden(void);
#ifdef __cplusplus
}
#endif
#endif
