#ifndef KMEM_LINUX_KCONFIG_H
#define KMEM_LINUX_KCONFIG_H
/* Questions about CONFIG_ words, which are 1 where they are defined on the command line. */
#define KMEM_CONFIG_1 0,
#define KMEM_CONFIG_SECOND_(ignored, value, ...) value
#define KMEM_CONFIG_IS_(maybe) KMEM_CONFIG_SECOND_(maybe 1, 0)
#define KMEM_CONFIG_OF_(value) KMEM_CONFIG_PASTE_(value)
#define KMEM_CONFIG_PASTE_(value) KMEM_CONFIG_IS_(KMEM_CONFIG_##value)
/** Built in; as a module; either. */
#define IS_BUILTIN(option) KMEM_CONFIG_OF_(option)
#define IS_MODULE(option) KMEM_CONFIG_OF_(option##_MODULE)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))
#define IS_REACHABLE(option) IS_BUILTIN(option)
#endif
