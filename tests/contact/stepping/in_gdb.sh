#!/usr/bin/env bash
# Commands of gdb that step behind the scenes end: a software watchpoint, record, stepi N, until, next.
#   in_gdb.sh PROGRAM FUNCTION
# FUNCTION is one of kmem's that it calls; PRELOAD in the environment is the library that the program gets.
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
if ! command -v gdb > /dev/null; then
  echo "skipped: there is no gdb"
  exit 77
fi
program=$1 function=$2
setup=(-batch -nx -iex 'set debuginfod enabled off' -ex 'set startup-with-shell off' -ex 'set pagination off'
  -ex 'set confirm off' -ex "set environment LD_PRELOAD ${PRELOAD:-}" -ex 'set args running')
result=0

# try NAME EXPECTED COMMAND...: the commands, from main on, and what must be seen.
try() {
  local name=$1 expected=$2 output
  shift 2
  local commands=()
  for command in "$@"; do commands+=(-ex "$command"); done
  local status=0
  output=$(timeout 900 gdb "${setup[@]}" -ex 'break main' -ex run "${commands[@]}" "$program" < /dev/null 2>&1) || status=$?
  if (( status == 124 )); then
    echo "$name: gdb did not end"
    result=1
  elif grep -q 'ptrace: Operation not permitted\|Could not trace the inferior' <<< "$output"; then
    echo "skipped: gdb may not trace here"
    exit 77
  elif ! grep -q "$expected" <<< "$output"; then
    echo "$name: no '$expected' in:"
    tail -n 20 <<< "$output"
    result=1
  fi
}

try 'software watchpoint' 'New value = 7' 'set can-use-hw-watchpoints 0' 'watch watched' continue kill
try stepi 'exited with code 07' 'stepi 20000' continue
try 'next and until' 'exited with code 07' next next next until until until continue
try finish 'exited with code 07' "break $function" continue 'delete' finish continue
# gdb's own recorder does not know every instruction of a modern libc; what it must not do is stay.
try record 'recorded' record 'stepi 2000' 'info record' 'record stop' 'print "recorded"' kill
exit $result
