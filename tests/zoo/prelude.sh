# What the scripts of rows/*.toml may use.  Read by bash before each of them; the work folder is the current one and empty.
# PORT1, PORT2, PORT3: ports of 127.0.0.1 that were free a moment ago.
set -euo pipefail

# skip REASON: the program is there but cannot work here.
skip() { echo "$*"; exit 77; }

# wait_for COMMAND...: until it succeeds; the row's time limit ends the waiting.
wait_for() { until "$@" >/dev/null 2>&1; do sleep 0.05; alive; done; }
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# as_user COMMAND...: many servers refuse to run as root.
user=()
[ "$(id -u)" != 0 ] || user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
as_user() { "${user[@]}" "$@"; }

# server COMMAND...: in the background until the script ends; it must be alive then, and must not crash when told to end.
# In a session of its own, since some servers send signals to their whole group.
servers=()
server() {
  [ "$1" != as_user ] || { shift; set -- "${user[@]}" "$@"; }
  setsid "$@" >>server.log 2>&1 & servers+=($!)
}
alive() {
  local pid
  for pid in "${servers[@]}"; do
    kill -0 "$pid" 2>/dev/null || { echo "a server ended: $(tail -n 3 server.log)" >&2; exit 1; }
  done
}
# stop_servers: before the end, for a script that starts others afterwards.
stop_servers() { kill "${servers[@]}"; wait "${servers[@]}" || [ $? = 143 ]; servers=(); }
# The last one first, since it may need those before it.
end_servers() {
  local status=$? pid code i
  trap - EXIT
  for ((i = ${#servers[@]} - 1; i >= 0; --i)); do
    pid=${servers[i]}
    kill "$pid" 2>/dev/null || { echo "server $pid had ended: $(tail -n 3 server.log)" >&2; status=1; }
    code=0; wait "$pid" || code=$?
    # 143: ended by SIGTERM
    if [ $code -gt 128 ] && [ $code != 143 ]; then echo "a server ended with status $code: $(tail -n 3 server.log)" >&2; status=$code; fi
  done
  grep -a '^kmem: ' server.log >&2 2>/dev/null || true
  exit $status
}
trap end_servers EXIT

# lines N [SEED]: N lines of words, the same in every run.
lines() { awk -v n="$1" -v seed="${2:-1}" 'BEGIN { srand(seed); for (i = 0; i < n; ++i) { s = ""; k = 1 + int(rand() * 8);
  for (j = 0; j < k; ++j) s = s sprintf("%c%c%d ", 97 + int(rand() * 26), 97 + int(rand() * 26), int(rand() * 500)); print s } }'; }

# display: starts an X server for the script and sets DISPLAY.
display() {
  exec 9<>display.number 8>display.log
  Xvfb -displayfd 9 -screen 0 1024x768x24 -nolisten tcp -noreset 2>&8 & servers+=($!)
  wait_for test -s display.number
  DISPLAY=:$(head -n 1 display.number); export DISPLAY
  exec 9>&- 8>&-
}
