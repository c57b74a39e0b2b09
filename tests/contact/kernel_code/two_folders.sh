#!/usr/bin/env bash
# Two and three folders with kmem's headers on the include path: an installed kmem and a checkout, say.  Each header that the
# system has too passes on to the system's, once, and says nothing about it.
#   two_folders.sh INCLUDE CC CXX
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
include=${1:?usage: two_folders.sh INCLUDE CC CXX} cc=${2:?} cxx=${3:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in a b c; do cp -r "$include" "$work/$folder"; done
failures=0

# What of both must be there: kmem's and the system's.
uses='u64 ours; gfp_t flags; __u32 of_the_system; __kernel_size_t size; struct sysinfo info; size_t length(const char *s);
size_t length(const char *s) { return strlen(s) + sizeof info + CLONE_VM + ALIGN(5, 8); }'
compile() {  # language compiler flags...
  local language=$1 compiler=$2 header
  shift 2
  for header in types kernel string sched slab; do
    printf '#include <linux/%s.h>\n' $header types kernel string sched > "$work/use"
    printf '#include <%s>\n' sys/sysinfo.h linux/futex.h >> "$work/use"
    echo "$uses" >> "$work/use"
    "$compiler" -x "$language" -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$@" "$work/use" && continue
    echo "FAILED: <linux/$header.h> as $language with $*"
    failures=$((failures + 1))
  done
}
for folders in "-I$work/a" "-I$work/a -I$work/b" "-I$work/a -I$work/b -I$work/c" "-I$work/a -isystem $work/b"; do
  # shellcheck disable=SC2086
  compile c "$cc" $folders
  # shellcheck disable=SC2086
  compile c++ "$cxx" $folders
done
exit $((failures > 0))
