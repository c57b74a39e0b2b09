#!/usr/bin/env bash
# Do the host's checkers see into kmem's caches?  Runs the program `checked` under valgrind's memcheck, or as it is where it
# was built with AddressSanitizer, and reads what they say.
#   checked.sh valgrind|asan PROGRAM
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
checker=$1 program=$2 failures=0
if [[ $checker == valgrind ]] && ! command -v valgrind > /dev/null; then
  echo "skipped: valgrind is not installed"
  exit 77
fi

run() {  # mistake
  if [[ $checker == valgrind ]]; then
    valgrind -q --leak-check=full "$program" "$1" 2>&1
  else
    KMEM="sanitize=on" "$program" "$1" 2>&1 || true
  fi
}

says() {  # mistake, what must be said
  local output
  output=$(run "$1") || true
  if ! grep -qE "$2" <<< "$output"; then
    echo "$1: no '$2' in:"
    sed 's/^/    /' <<< "$output"
    failures=$((failures + 1))
  fi
}

if [[ $checker == valgrind ]]; then
  says overrun 'Invalid write of size 1'
  says overrun 'is 0 bytes after a block of size 40 alloc'
  says after_free 'Invalid read of size 1'
  says after_free "is 3 bytes inside a block of size 40 free'd"
  says unwritten ' uninitialised value'
  says lose '40 bytes in 1 blocks are definitely lost'
else
  says overrun 'AddressSanitizer: use-after-poison'
  says after_free 'AddressSanitizer: use-after-poison'
fi
output=$(run good)
if [[ $output != "the end 0" ]]; then
  echo "good: complaints:"
  sed 's/^/    /' <<< "$output"
  failures=$((failures + 1))
fi
((failures == 0)) && echo "all as it should be"
