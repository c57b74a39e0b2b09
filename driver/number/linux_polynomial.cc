// Polynomials of whole numbers: <linux/polynomial.h>.
#include <linux/polynomial.h>

namespace {
/// n * by / divider, in parts, so that it overflows later.
long scale(long n, long by, long divider) { return n / divider * by + n % divider * by / divider; }
}  // namespace

extern "C" long polynomial_calc(const polynomial* p, long data) noexcept {
  long sum = 0;
  for (const polynomial_term* t = p->terms;; ++t) {
    long product = t->coef;
    for (unsigned i = 0; i < t->deg; ++i) product = scale(product, data, t->divider);
    sum += product / t->divider_leftover;
    if (!t->deg) return sum / (p->total_divider ? p->total_divider : 1);
  }
}
