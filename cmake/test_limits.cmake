# Seconds that a test may take before ctest ends it: for tests that hang, not for slow machines.  Each is far more than ten
# times what any of its tests takes alone on two quiet cores; tools/check/tests says where that is no longer so.
set(KMEM_TEST_LIMIT 1800)
set(KMEM_SLOW_TEST_LIMIT 7200)
