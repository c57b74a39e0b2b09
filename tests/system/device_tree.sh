#!/usr/bin/env bash
# The example `device` against a tree of files that looks like sysfs: it must find the function by its address, read the
# card's name from its registers, and ring its doorbell; and it must be refused once a driver has the function.
#   device_tree.sh PROGRAM
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
program=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
function=$root/bus/pci/devices/0000:00:04.0
mkdir -p "$function"
printf '0x00000000fe000000 0x00000000fe000fff 0x0000000000040200\n' > "$function/resource"
truncate -s 4096 "$function/resource0"
printf '1CMK' | dd of="$function/resource0" conv=notrunc status=none

"$program" "$root" 0xfe000000
rung=$(od -An -tu4 -j16 -N4 "$function/resource0")
if ((rung != 1)); then
  echo "the doorbell holds $rung, not 1" >&2
  exit 1
fi

mkdir -p "$root/bus/pci/drivers/somebody"
ln -s ../../drivers/somebody "$function/driver"
if refusal=$("$program" "$root" 0xfe000000 2>&1); then
  echo "a function that a driver has was mapped" >&2
  exit 1
fi
grep -q 'driver somebody): a driver of the host has it' <<< "$refusal"
