#!/usr/bin/env bash
# Runs a program on kmem's malloc under valgrind, which has no restartable sequences and runs one thread at a time.  What
# valgrind thinks of the program doesn't count here: it must end as it does without.
#   under_valgrind.sh none|memcheck PROGRAM ARGUMENTS...
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
tool=$1
shift
if ! command -v valgrind > /dev/null; then
  echo "skipped: valgrind is not installed"
  exit 77
fi
exec env LD_PRELOAD="$KMEM_MALLOC_SO" KMEM_EXPECT_MALLOC=libkmem-malloc valgrind -q --tool="$tool" "$@"
