#pragma once
// The part of a look table that describes the types of this core, without the addresses of its objects.

#include "port/layout_digest.h"
#include "system/look_table.h"

namespace kmem {

constexpr LookTable look_shape(const char* version) {
  LookTable t{};
  for (unsigned i = 0; i < sizeof t.magic; ++i) t.magic[i] = kLookMagic[i];
  t.version = kLookVersion;
  t.bytes = sizeof t;
  t.digest = kLayoutDigest;
  for (unsigned i = 0; i + 1 < sizeof t.name && version[i]; ++i) t.name[i] = version[i];
  static_assert(sizeof kLayoutOfTypes <= sizeof t.types);
  unsigned nr = 0;
  for (const uint32_t of_type : kLayoutOfTypes) t.types[nr++] = of_type;
  return t;
}

}  // namespace kmem
