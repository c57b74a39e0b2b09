#pragma once
// Per-CPU words: see port/cpu_local.h; every instruction of a sequence is a step of its own.

namespace kmem {

struct CpuLocalImpl {
  static bool try_op(const CpuAccess& access, uint64_t& old);
  static bool try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected);
  static bool try_take(uint32_t& cpu);
  static uint32_t here();
  static bool join();
  static void leave();
  static void use_none();
};

}  // namespace kmem
