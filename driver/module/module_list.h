#pragma once
// The registrations of modules, and the loaded modules.

#include <linux/module.h>

namespace kmem_driver {

/// Intrusive lists that grow at their end. Constructors add entries, one after the other.
template <typename T>
struct Notes {
  T* first = nullptr;
  T** end = &first;
  void add(T* note) {
    *end = note;
    end = next_of(note);
  }
  static T** next_of(T* note) {
    if constexpr (requires { note->kmem_next; }) return &note->kmem_next;
    else return &note->next;
  }
};

struct Modules {
  Notes<kmem_initcall> calls;
  Notes<kernel_param> params;
  Notes<kmem_param_about> abouts;
  Notes<kmem_setup> setups;
  Notes<kmem_module_info> infos;
  module* loaded = nullptr;
};
Modules& modules();

/// Sets the parameters of a module from "a=1 b='x y'"; the text is changed.  0, or the first error.
int set_parameters(module* of, char* text);
/// Frees the memory of parameter values.
void free_parameters(const module* of);
/// Adds the module's folder in /sys/module, and takes it away.  0, -EEXIST: a module of that name is there; -ENOMEM.
int show_module(module* of);
void hide_module(module* of);
/// The parameter of that name, or null.
const kernel_param* parameter_of(const module* of, const char* name);

}  // namespace kmem_driver
