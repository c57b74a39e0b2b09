#!/usr/bin/env bash
# Reports of a library without symbols, as packages have it: the first function that they name is the program's.
#   stripped.sh PROGRAM         writes behind a block that its main() allocated, and frees it
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
program=$1
command -v strip > /dev/null || { echo "skipped: there is no strip"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
strip -o "$folder/libkmem-malloc.so" "$KMEM_MALLOC_SO"

report=$(KMEM="slub_debug=ZU" LD_PRELOAD=$folder/libkmem-malloc.so "$program" 2>&1) || true
for line in 'Allocated in main\+' 'Right Redzone overwritten'; do
  grep -qE "$line" <<< "$report" || { printf "no '%s' in:\n%s\n" "$line" "$report"; exit 1; }
done
