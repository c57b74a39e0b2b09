#include "base/check.h"

#include "port/port.h"
#include "watch/report.h"

namespace kmem {

void assertion_failed(const char* file, int line, const char* text, uint64_t left, uint64_t right) {
  {
    Report report;
    report.line("ASSERT: %s:%d: %s: %llu (0x%llx) against %llu (0x%llx)", file, line, text,
                static_cast<unsigned long long>(left), static_cast<unsigned long long>(left),
                static_cast<unsigned long long>(right), static_cast<unsigned long long>(right));
    report.call_trace();
  }
  kmem_port_panic();
  __builtin_trap();
}

}  // namespace kmem
