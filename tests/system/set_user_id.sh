#!/usr/bin/env bash
# set_user_id.sh PROGRAM: boot words reach PROGRAM, and not a copy of it that is set-user-ID.
set -euo pipefail
[[ ${1:-} != --help && ${1:-} != -h ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
program=${1:?usage: set_user_id.sh PROGRAM}
skip() { echo "skipped: $1"; exit 77; }
[[ $EUID -eq 0 ]] || skip "only root can make a program of another user"
export KMEM="reserve=ring:1M a-word-that-nobody-knows"

ordinary=$("$program" 2>&1)
[[ $ordinary == *"a-word-that-nobody-knows"* && $ordinary == *"secure 0, reserved yes"* ]] || { echo "ordinary: $ordinary"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cp "$program" "$folder/copy"
chown 65534 "$folder/copy"
chmod 4755 "$folder/copy"
secure=$("$folder/copy" 2>&1) || skip "the copy does not run: $secure"
[[ $secure == *"secure 1"* ]] || skip "this file system knows no set-user-ID programs"
[[ $secure == "secure 1, reserved no" ]] || { echo "set-user-ID: $secure"; exit 1; }
