#!/usr/bin/env bash
# Runs a program on one malloc or the other, and fails if it isn't the one that was meant.
#   on.sh glibc|kmem|kmem-without-rseq PROGRAM ARGUMENTS...
# KMEM_MALLOC_SO names the library.  `kmem-without-rseq` switches glibc's restartable sequences off, as an old kernel
# would: kmem's fallback must then carry everything.
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
malloc=$1
shift
case $malloc in
  glibc)
    exec "$@"
    ;;
  kmem) ;;
  kmem-without-rseq)
    export GLIBC_TUNABLES=glibc.pthread.rseq=0
    ;;
  *)
    echo "on.sh: no malloc is called $malloc" >&2
    exit 2
    ;;
esac
if [[ ! -r ${KMEM_MALLOC_SO:-} ]]; then
  echo "on.sh: '${KMEM_MALLOC_SO:-}' is missing: build the target kmem_malloc_shared, or set KMEM_MALLOC_SO" >&2
  exit 1
fi
exec env LD_PRELOAD="$KMEM_MALLOC_SO" KMEM_EXPECT_MALLOC=libkmem-malloc "$@"
