#ifndef KMEM_KUNIT_TEST_BUG_H
#define KMEM_KUNIT_TEST_BUG_H
/* For code that is tested: the case that runs, and making it fail. */
#include <kunit/test.h>
#endif
