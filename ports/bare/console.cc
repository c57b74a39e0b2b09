// Output of the port, and the core's log: line by line, from any context.

#include "bare.h"
#include "base/format.h"
#include "port/port.h"

namespace bare {
namespace {

bool busy = false;
uint32_t owner = 0;

/// A line that was being written on this CPU and was interrupted is overwritten: the CPU must not wait for itself.
class Turn {
 public:
  Turn() : flags_(irq_save()) {
    const uint32_t me = has_cpu() ? this_cpu_id() + 1 : 1;
    if (__atomic_load_n(&owner, __ATOMIC_RELAXED) == me) return;
    while (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE)) relax();
    __atomic_store_n(&owner, me, __ATOMIC_RELAXED);
    mine_ = true;
  }
  ~Turn() {
    if (mine_) {
      __atomic_store_n(&owner, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    }
    irq_restore(flags_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  static bool has_cpu() { return cpus[0].self != nullptr; }
  uint64_t flags_;
  bool mine_ = false;
};

}  // namespace

void (*reads_along)(const char* text, size_t bytes) = nullptr;

void put(const char* text, size_t bytes) {
  const Turn turn;
  if (reads_along) return reads_along(text, bytes);
  for (size_t i = 0; i < bytes; ++i) {
    if (text[i] == '\n') put_char('\r');
    put_char(text[i]);
  }
}

static void say_list(const char* format, va_list list) {
  kmem::TextOf<512> text;
  text.vprintf(format, list);
  put(text.data(), text.size());
}

void say(const char* format, ...) {
  va_list list;
  va_start(list, format);
  say_list(format, list);
  va_end(list);
}

void panic(const char* format, ...) {
  va_list list;
  va_start(list, format);
  put("panic: ", 7);
  say_list(format, list);
  va_end(list);
  put("\n", 1);
  show_trace(nullptr, __builtin_frame_address(0));
  end_machine(kFatal);
}

}  // namespace bare

extern "C" {
void kmem_port_log(const char* text, size_t bytes) { bare::put(text, bytes); }
void kmem_port_panic() {
  bare::show_trace(nullptr, __builtin_frame_address(0));
  bare::end_machine(bare::kFatal);
}
}
