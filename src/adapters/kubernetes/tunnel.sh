# One TCP connection to the registry, over bash's own /dev/tcp (bash manual, "Redirections"): what comes on standard
# input goes to the registry, what it answers to standard output. First two lines of its own: the process ID of this
# shell, and, as soon as the connection stands, an empty one.
#
# When the registry closes the connection, the command ends, whatever standard input does: before protocol v5, a client
# cannot end that. A command in a pod outlives its WebSocket, and the registry lets idle connections be, so a tunnel whose
# client has gone would stay as long as the pod, and could still pass on what was under way. Such ones are ended before
# a new connection is made. A limit for idle ones would not do instead: a shell does not see when bytes pass.
#
# Bash 3.2 will do (macOS), so no "wait -n" here.
#
#   $0 the tunnel's name   $1 host   $2 port
#   $3 names that begin so belong to programs that have ended, but for those that contain $4; empty: nobody does
#   $5 and further, PROCESS:NAME, are tunnels of the same program whose connection broke
arguments_of() { cat "/proc/$1/cmdline" || ps -o args= -p "$1"; }
{
  if [ -n "$3" ]; then
    for process in $(cd /proc && echo [0-9]* || ps -A -o pid=); do
      case $(arguments_of "$process") in *"$4"*) ;; *"$3"*) kill "$process" ;; esac
    done
  fi
  for tunnel in "${@:5}"; do
    # The number may belong to somebody else by now.
    case $(arguments_of "${tunnel%:*}") in *"${tunnel#*:}"*) kill "${tunnel%:*}" ;; esac
  done
} 2>/dev/null

echo "$$"
exec 3<>"/dev/tcp/$1/$2" || exit 1
cat <&0 >&3 & up=$!
trap 'kill "$up" "$down"; wait; exit 143' TERM
echo
cat <&3 & down=$!
wait "$down"
status=$?
kill "$up"
wait
exit "$status"
