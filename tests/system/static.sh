#!/usr/bin/env bash
# A statically linked program on kmem's malloc: links the conformance test with libkmem-malloc.a and runs it.
#   static.sh ARCHIVE SOURCE-FOLDER
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
archive=$1 sources=$2
if [[ ! -f $archive ]]; then
  echo "skipped: $archive has not been built"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The archive is pulled in by malloc, which the program names before libc does; libc's own malloc.o must stay out, or the
# linker stops at symbols that are defined twice.
gcc -std=gnu11 -D_GNU_SOURCE -DKMEM_STATIC_TEST -O1 -fno-builtin -w -c "$sources/conformance.c" -o "$folder/conformance.o"
if ! g++ -static -o "$folder/conformance" "$folder/conformance.o" "$archive" -pthread 2> "$folder/errors"; then
  if grep -q 'cannot find -lc' "$folder/errors"; then
    echo "skipped: there is no static libc (install libc6-dev)"
    exit 77
  fi
  cat "$folder/errors"
  exit 1
fi
# The program must really be on kmem: a function of the core is in it.
if ! nm "$folder/conformance" | grep -i kmem > "$folder/names"; then
  echo "the program was linked, but nothing of kmem is in it"
  exit 1
fi
"$folder/conformance"
