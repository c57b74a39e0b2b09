#ifndef KMEM_LINUX_GCD_H
#define KMEM_LINUX_GCD_H
/** The greatest common divisor; of 0 and x it is x. */
static inline unsigned long gcd(unsigned long a, unsigned long b) {
  while (b) {
    const unsigned long rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}
#endif
