// One CPU's copy of a per-CPU variable, and the slow paths of steps.

#define KMEM_PERCPU_NO_STATIC
#include <linux/percpu-defs.h>
#include <linux/smp.h>

#include "system/percpu_world.h"
#include "system/system.h"

namespace {

using kmem::CpuAccess;
using kmem::CpuOp;

CpuAccess access_of(void* variable, unsigned how, uint64_t value, uint64_t expected) {
  return {static_cast<char*>(variable), static_cast<CpuOp>(how >> 4), static_cast<uint8_t>(how & 15), value, expected};
}

void* at_copy(const volatile void* variable, uint32_t copy) {
  return const_cast<char*>(static_cast<const volatile char*>(variable)) + kmem::percpu_distance(copy);
}

}  // namespace

static_assert(KMEM_PERCPU_CMPXCHG >> 4 == static_cast<unsigned>(kmem::CpuOp::Cmpxchg) &&
              KMEM_PERCPU_ADD_RETURN >> 4 == static_cast<unsigned>(kmem::CpuOp::AddReturn) &&
              KMEM_PERCPU_XCHG >> 4 == static_cast<unsigned>(kmem::CpuOp::Xchg));

extern "C" {

void* kmem_this_cpu_ptr(const volatile void* variable) noexcept {
  return at_copy(variable, static_cast<uint32_t>(kmem_processor_id()));
}

void* kmem_get_cpu_ptr(const volatile void* variable) noexcept {
  return at_copy(variable, static_cast<uint32_t>(kmem_get_cpu()));
}

uint64_t kmem_this_cpu_slow(void* variable, unsigned how, uint64_t value, uint64_t expected) noexcept {
  kmem::boot();
  return kmem::percpu().copies.step(access_of(variable, how, value, expected));
}

}  // extern "C"
