#ifndef KMEM_CLEANUP_H
#define KMEM_CLEANUP_H
/* The basis of <linux/cleanup.h>. <linux/slab.h>, the locks and other headers include this to define how their resources are
 * released; guard() and similar names, which C++ code may use for other things, are only in <linux/cleanup.h>. */
#include <kmem/c_face.h>
#include <kmem/constant.h>
#include <linux/err.h>
#include <stddef.h>

#ifndef __cleanup
#define __cleanup(function) __attribute__((__cleanup__(function)))
#endif

/** DEFINE_FREE(name, type, statement): defines how __free(name) frees a variable of the type: by the statement, in which _T is
 *  the variable's last value. */
#define DEFINE_FREE(name, type, statement)                                      \
  static inline __attribute__((__unused__)) void __free_##name(void* kmem_at) { \
    type _T = *(type*)kmem_at;                                                  \
    statement;                                                                  \
  }

/* Returns the variable's value and sets the variable to `empty`. */
#ifdef __cplusplus
#define KMEM_ANY_TYPE_ auto
#else
#define KMEM_ANY_TYPE_ __auto_type
#endif
#define __get_and_null(variable, empty)         \
  __extension__({                               \
    KMEM_ANY_TYPE_ kmem_variable = &(variable); \
    KMEM_ANY_TYPE_ kmem_value = *kmem_variable; \
    *kmem_variable = empty;                     \
    kmem_value;                                 \
  })

KMEM_BEGIN_C
KMEM_MUST_CHECK static inline const volatile void* kmem_must_keep(const volatile void* pointer) { return pointer; }
KMEM_END_C

/* Classes: a type with a constructor and a destructor. */

/** DEFINE_CLASS(name, type, exit, init, arguments...): `exit` is a statement with _T, the value; `init` an expression with the
 *  arguments. */
#define DEFINE_CLASS(name, type, exit, init, ...)                                           \
  typedef type class_##name##_t;                                                            \
  static inline __attribute__((__unused__)) void class_##name##_destructor(type* kmem_at) { \
    type _T = *kmem_at;                                                                     \
    exit;                                                                                   \
  }                                                                                         \
  static inline __attribute__((__unused__)) type class_##name##_constructor(__VA_ARGS__) {  \
    type kmem_new = init;                                                                   \
    return kmem_new;                                                                        \
  }
/** Another constructor for the class. */
#define EXTEND_CLASS(name, ext, init, ...)                                                                   \
  typedef class_##name##_t class_##name##ext##_t;                                                            \
  static inline __attribute__((__unused__)) void class_##name##ext##_destructor(class_##name##_t* kmem_at) { \
    class_##name##_destructor(kmem_at);                                                                      \
  }                                                                                                          \
  static inline __attribute__((__unused__)) class_##name##_t class_##name##ext##_constructor(__VA_ARGS__) {  \
    class_##name##_t kmem_new = init;                                                                        \
    return kmem_new;                                                                                         \
  }
/** CLASS(name, variable)(arguments...): a variable that is destroyed at the end of its block. */
#define CLASS(name, variable) \
  class_##name##_t variable __attribute__((__unused__)) __cleanup(class_##name##_destructor) = class_##name##_constructor

/* Guards: classes that hold a lock.  class_NAME_lock_ptr() tells whether a guard that only tries holds its lock. */

/** A guard whose value is the lock: `type` is a pointer, `lock` and `unlock` are statements with _T. */
#define DEFINE_GUARD(name, type, lock, unlock)         \
  DEFINE_CLASS(                                        \
      name, type, if (_T) { unlock; }, __extension__({ \
        lock;                                          \
        _T;                                            \
      }),                                              \
      type _T)                                         \
  static inline __attribute__((__unused__)) void* class_##name##_lock_ptr(class_##name##_t* kmem_at) { return (void*)*kmem_at; }
/** name##ext: tries the lock by `condition`, an expression with _T; if that is false, holds nothing. */
#define DEFINE_GUARD_COND(name, ext, condition)                                                             \
  EXTEND_CLASS(name, ext, __extension__({                                                                   \
                 class_##name##_t kmem_got = _T;                                                            \
                 (condition) ? kmem_got : NULL;                                                             \
               }),                                                                                          \
               class_##name##_t _T)                                                                         \
  static inline __attribute__((__unused__)) void* class_##name##ext##_lock_ptr(class_##name##_t* kmem_at) { \
    return class_##name##_lock_ptr(kmem_at);                                                                \
  }

/** A guard with further members besides `lock`: in the statements _T points to it.  With an argument, the lock... */
#define DEFINE_LOCK_GUARD_1(name, type, lock_statement, unlock_statement, ...)                             \
  typedef struct {                                                                                         \
    type* lock;                                                                                            \
    __VA_ARGS__;                                                                                           \
  } class_##name##_t;                                                                                      \
  KMEM_LOCK_GUARD_END_(name, unlock_statement)                                                             \
  static inline __attribute__((__unused__)) class_##name##_t class_##name##_constructor(type* kmem_lock) { \
    class_##name##_t kmem_new, *_T = &kmem_new;                                                            \
    __builtin_memset(&kmem_new, 0, sizeof(kmem_new));                                                      \
    _T->lock = kmem_lock;                                                                                  \
    lock_statement;                                                                                        \
    return kmem_new;                                                                                       \
  }
/** ...without... */
#define DEFINE_LOCK_GUARD_0(name, lock_statement, unlock_statement, ...)                        \
  typedef struct {                                                                              \
    void* lock;                                                                                 \
    __VA_ARGS__;                                                                                \
  } class_##name##_t;                                                                           \
  KMEM_LOCK_GUARD_END_(name, unlock_statement)                                                  \
  static inline __attribute__((__unused__)) class_##name##_t class_##name##_constructor(void) { \
    class_##name##_t kmem_new, *_T = &kmem_new;                                                 \
    __builtin_memset(&kmem_new, 0, sizeof(kmem_new));                                           \
    _T->lock = (void*)1;                                                                        \
    lock_statement;                                                                             \
    return kmem_new;                                                                            \
  }
/** ...and name##ext, which tries: if `condition`, an expression with _T, is false it holds nothing. */
#define DEFINE_LOCK_GUARD_1_COND(name, ext, condition)                                                      \
  EXTEND_CLASS(name, ext, __extension__({                                                                   \
                 class_##name##_t kmem_made, *_T = &kmem_made;                                              \
                 __builtin_memset(&kmem_made, 0, sizeof(kmem_made));                                        \
                 _T->lock = kmem_lock;                                                                      \
                 if (_T->lock && !(condition)) _T->lock = NULL;                                             \
                 kmem_made;                                                                                 \
               }),                                                                                          \
               __typeof__(((class_##name##_t*)0)->lock) kmem_lock)                                          \
  static inline __attribute__((__unused__)) void* class_##name##ext##_lock_ptr(class_##name##_t* kmem_at) { \
    return class_##name##_lock_ptr(kmem_at);                                                                \
  }
#define KMEM_LOCK_GUARD_END_(name, unlock_statement)                                                   \
  static inline __attribute__((__unused__)) void class_##name##_destructor(class_##name##_t* _T) {     \
    if (_T->lock) {                                                                                    \
      unlock_statement;                                                                                \
    }                                                                                                  \
  }                                                                                                    \
  static inline __attribute__((__unused__)) void* class_##name##_lock_ptr(class_##name##_t* kmem_at) { \
    return (void*)kmem_at->lock;                                                                       \
  }

#endif
