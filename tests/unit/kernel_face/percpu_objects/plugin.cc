// Loaded by dlopen, and unloaded again: in C++, with variables of its own and uses of the others'.
#include "shared.h"

DEFINE_PER_CPU(long, of_plugin) = 5;
EXPORT_PER_CPU_SYMBOL(of_plugin);

extern "C" void plugin_bump();
extern "C" void plugin_bump() {
  this_cpu_inc(of_plugin);
  this_cpu_inc(of_library);
  this_cpu_inc(of_program);
  ++get_cpu_var(of_plugin);
  put_cpu_var(of_plugin);
}
