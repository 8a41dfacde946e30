# Ends what lanes left behind, and exits 0 when nothing of them runs any more, 1 when that could not be achieved.
# The tokens come over standard input, a line each, closed by an empty line: so this shell does not find itself.
#
# The loops are killed first, so that nothing new begins. A Skopeo that is at work may finish, for a while: then the
# registry is known to be done with it, too.
#
#   $1 seconds to wait for Skopeo
set -u
tokens=
while IFS= read -r token && [ -n "$token" ]; do tokens="$tokens $token"; done
[ -n "$tokens" ] || exit 64

# Sets $found to the processes with "$1" and a token in their arguments. Ended ones that nobody waits for have none.
find_processes() {
  found=
  if [ -r /proc/self/cmdline ]; then
    for directory in /proc/[0-9]*; do
      { arguments=$(tr '\0' ' ' <"$directory/cmdline"); } 2>/dev/null || continue
      for token in $tokens; do
        case $arguments in *"$1$token"*) found="$found ${directory#/proc/}" ;; esac
      done
    done
  else
    list=$(ps -Ao pid=,args=) || exit 1
    while read -r process arguments; do
      for token in $tokens; do
        case $arguments in *"$1$token"*) found="$found $process" ;; esac
      done
    done <<END
$list
END
  fi
}

# Kills whatever find_processes finds, until it finds nothing. Five seconds at most.
kill_all() {
  tries=0
  find_processes "$1"
  while [ -n "$found" ] && [ "$tries" -lt 50 ]; do
    kill -9 $found 2>/dev/null
    sleep 0.1
    tries=$((tries + 1))
    find_processes "$1"
  done
}

kill_all 'skopeo-lane '
waited=0
find_processes ''
while [ -n "$found" ] && [ "$waited" -lt $(($1 * 10)) ]; do
  sleep 0.1
  waited=$((waited + 1))
  find_processes ''
done
kill_all ''
[ -z "$found" ] || exit 1
for token in $tokens; do rm -rf "${TMPDIR:?}/$token"*; done
