#!/usr/bin/env bash
# What must not compile, for the right reason, beside what must.
#   refused.sh INCLUDE CC CXX
set -uo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
include=${1:?usage: refused.sh INCLUDE CC CXX} cc=${2:?} cxx=${3:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

compiles() {  # language compiler optimise code
  { printf '#include <linux/kernel.h>\n#include <linux/types.h>\nstatic inline int odd(int x) { return x & 1; }\n'
    printf 'int f(int i, unsigned u, int *p);\nint f(int i, unsigned u, int *p) { (void)i, (void)u, (void)p, (void)odd; %s\n  return 0; }\n' "$4"
  } > "$work/x.$1"
  local standard=gnu11
  [[ $1 == cc ]] && standard=c++20
  "$2" -std=$standard "$3" -Werror -Wall -Wextra "-I$include" -c -o /dev/null "$work/x.$1" > "$work/errors" 2>&1
}
fails() { echo "$1"; head -n 5 "$work/errors"; failures=$((failures + 1)); }
right() { compiles "$@" || fails "REFUSED as $1 with $3: $4"; }
wrong() {  # language compiler optimise code, what the error says
  if compiles "$@"; then fails "COMPILED as $1 with $3: $4"
  elif ! grep -q "$5" "$work/errors"; then fails "another error than '$5' as $1 with $3: $4"; fi
}
each() {
  right "$@" 'BUILD_BUG_ON(sizeof(int) != 4);'
  wrong "$@" 'BUILD_BUG_ON(sizeof(int) == 4);' 'BUILD_BUG_ON failed: sizeof(int) == 4'
  wrong "$@" 'if (i) BUILD_BUG_ON(sizeof(int) == 4); else ++i;' 'BUILD_BUG_ON failed'
  wrong "$@" 'BUILD_BUG_ON_MSG(sizeof(long) == 8, "its own text");' 'its own text'
  wrong "$@" 'BUILD_BUG_ON_NOT_POWER_OF_2(12);' 'BUILD_BUG_ON failed'
  wrong "$@" 'BUILD_BUG_ON_NOT_POWER_OF_2(0);' 'BUILD_BUG_ON failed'
  wrong "$@" 'compiletime_assert(sizeof(int) == 8, "its own text");' 'its own text'
  right "$@" 'static int z = BUILD_BUG_ON_ZERO(sizeof(int) != 4); (void)z;'
  wrong "$@" 'static int z = BUILD_BUG_ON_ZERO(sizeof(int) == 4); (void)z;' 'rror'
  right "$@" 'static_assert(sizeof(int) == 4); static_assert(sizeof(int) == 4, "text");'
  wrong "$@" 'static_assert(sizeof(int) == 8);' 'rror: static'
  wrong "$@" 'return (int)ARRAY_SIZE(p);' 'rror'
  right "$@" 'if (sizeof(int) == 1) { BUILD_BUG(); BUILD_BUG_ON(1); }'
}
optimised() {
  each "$@"
  wrong "$@" 'if (i) BUILD_BUG();' 'BUILD_BUG failed'
  wrong "$@" 'BUILD_BUG_ON(odd(3));' 'BUILD_BUG_ON failed: odd(3)'
  right "$@" 'BUILD_BUG_ON(odd(4));'
  wrong "$@" 'BUILD_BUG_ON_MSG(!__builtin_constant_p(i), "not known");' 'not known'
}
signs() {
  right "$@" 'return min(i, 3) + (int)min(u, 3) + (int)min(u, 3u) + min((u8)u, i) + (int)max((u8)i, u);'
  wrong "$@" 'return (int)min(i, u);' 'min_t'
  wrong "$@" 'return (int)max(u, -1);' 'min_t'
  wrong "$@" 'return (int)clamp(u, i, 7);' 'min_t'
  wrong "$@" 'return (int)min(i, sizeof(int));' 'min_t'
  wrong "$@" 'long *q = 0; return min(p, q) != 0;' 'pointer'
}
each c "$cc" -O0
each cc "$cxx" -O0
optimised c "$cc" -O2
optimised cc "$cxx" -O2
signs c "$cc" -O0
# What a device is told is a u64.
right c "$cc" -O0 'u64 *a = 0; phys_addr_t *b = a; dma_addr_t *c = a; resource_size_t *d = a; (void)b, (void)c, (void)d;'
right cc "$cxx" -O0 'u64 *a = 0; phys_addr_t *b = a; dma_addr_t *c = a; resource_size_t *d = a; (void)b, (void)c, (void)d;'
exit $((failures > 0))
