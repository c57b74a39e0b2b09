#!/usr/bin/env bash
# Every name that programs call must be the library's own: what it leaves out would come from another malloc, and
# memory of one would be given to the other.  And no other name may be: it would win over that of another library.
#   exports.sh LIBRARY
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
names=(malloc free calloc realloc reallocarray posix_memalign aligned_alloc memalign valloc pvalloc
  malloc_usable_size free_sized free_aligned_sized malloc_trim mallinfo mallinfo2 malloc_stats
  _Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t
  _ZnwmSt11align_val_t _ZnamSt11align_val_t _ZnwmSt11align_val_tRKSt9nothrow_t _ZnamSt11align_val_tRKSt9nothrow_t
  _ZdlPv _ZdaPv _ZdlPvm _ZdaPvm _ZdlPvRKSt9nothrow_t _ZdaPvRKSt9nothrow_t
  _ZdlPvSt11align_val_t _ZdaPvSt11align_val_t _ZdlPvmSt11align_val_t _ZdaPvmSt11align_val_t
  _ZdlPvSt11align_val_tRKSt9nothrow_t _ZdaPvSt11align_val_tRKSt9nothrow_t)
# vfork and clone stand under libc's own version, hidden: they serve only who was linked with libc's (faces/libc).
defined=$(nm -D --defined-only "$1" | grep -vE ' (vfork|__vfork|clone)@GLIBC_[0-9.]+$| A GLIBC_[0-9.]+$' |
  awk '{ sub(/@.*/, "", $3); print $3 }')
result=0
for name in "${names[@]}"; do
  if ! grep -qx "$name" <<< "$defined"; then
    echo "missing: $name ($(c++filt "$name"))"
    result=1
  fi
done
# What is malloc's beside them, and kmem's own.
others=(cfree mallinfo mallopt malloc_info)
allowed=$(printf '%s\n' "${names[@]}" "${others[@]}" KMEM_0)
while read -r name; do
  if [[ $name != kmem_* ]] && ! grep -qxF -- "$name" <<< "$allowed"; then
    echo "unexpected: $name ($(c++filt "$name"))"
    result=1
  fi
done <<< "$defined"
# A module of an interpreter is opened late, when little static TLS is left: the library must not ask for much.
bytes=$(( $(readelf -Wl "$1" | awk '$1 == "TLS" { print $6 }') + 0 ))
if (( bytes > 128 )); then
  echo "the library has $bytes bytes of static thread storage: dlopen of it will fail in large programs"
  result=1
fi
exit $result
