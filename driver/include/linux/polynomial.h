#ifndef KMEM_LINUX_POLYNOMIAL_H
#define KMEM_LINUX_POLYNOMIAL_H
/* Polynomials of whole numbers, for sensors: the sum of coef * data^deg / (divider^deg * divider_leftover), over total_divider;
 * the term with deg 0 is the last.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

struct polynomial_term {
  unsigned int deg;
  long coef;
  long divider; /* after each multiplication, which keeps the numbers small */
  long divider_leftover;
};
struct polynomial {
  long total_divider; /* 0 is 1 */
  struct polynomial_term terms[];
};

KMEM_BEGIN_C
KMEM_API long polynomial_calc(const struct polynomial* polynomial, long data) KMEM_DRIVER_NAME(polynomial_calc);
KMEM_END_C
#endif
