// Saturating reference counts: <linux/refcount.h>.
#include <atomic>

#include <linux/bug.h>
#include <linux/refcount.h>

namespace {

struct Reason {
  const char* text;
  std::atomic<bool> said{false};
};
Reason reasons[] = {{"refcount_t: saturated; leaking memory."},
                    {"refcount_t: saturated; leaking memory."},
                    {"refcount_t: addition on 0; use-after-free."},
                    {"refcount_t: underflow; use-after-free."},
                    {"refcount_t: decrement hit 0; leaking memory."}};

}  // namespace

void refcount_warn_saturate(refcount_t* r, enum refcount_saturation_type why) noexcept {
  refcount_set(r, REFCOUNT_SATURATED);
  Reason& reason = reasons[why];
  if (!reason.said.exchange(true)) WARN(true, "%s", reason.text);
}
