# One lane: reads requests from standard input, a line each, runs Skopeo, and answers on standard output:
#
#   what Skopeo printed, then a line "TOKEN STATUS", what it complained of, then a line "TOKEN"
#
# Both lines are set off by a line feed of their own, so that Skopeo's exact bytes can be told. Nobody else knows the
# token, so no manifest can contain such a line. Names come checked, and are used as data only.
#
# Runs in any POSIX shell. It starts no process but Skopeo where it can: each costs as much as a millisecond.
#
#   $1 token   $2 host:port of the registry   $3 true or false: verify TLS   $4 limit of one command, in seconds
set -f -u
umask 077
token=$1 registry=$2 tls=$3 limit=$4

# Whatever belongs to this lane bears the token in its arguments: sweep.sh finds it by that.
folder=$TMPDIR/$token
mkdir -p "$folder/registries.d" || exit 70

# The machine's own configuration (mirrors, blocked registries, signatures) must not come between.
CONTAINERS_REGISTRIES_CONF=$folder/registries.conf
XDG_DATA_HOME=$folder
# Short-lived processes are faster without garbage collection, as long as they are small, and with one thread.
GOGC=off GOMEMLIMIT=48MiB GOMAXPROCS=1
export CONTAINERS_REGISTRIES_CONF XDG_DATA_HOME GOGC GOMEMLIMIT GOMAXPROCS
: >"$CONTAINERS_REGISTRIES_CONF"
printf 'default-docker:\n  lookaside: file://%s/signatures\n' "$folder" >"$folder/registries.d/default.yaml"
# Nobody can have signed for this: a policy under which nothing is ever copied.
printf '{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"%s"}]}' /dev/null >"$folder/policy.json"

run() {
  skopeo --command-timeout "${limit}s" --registries.d "$folder/registries.d" "$@" 2>"$folder/errors" </dev/null
}

# Standard input carries the password, from a builtin: it is in no argument list and no environment.
log_in() {
  IFS= read -r user && IFS= read -r password || exit 71
  printf '%s\n' "$password" |
    skopeo --command-timeout "${limit}s" --registries.d "$folder/registries.d" login --tls-verify="$tls" \
      --authfile "$REGISTRY_AUTH_FILE" --username "$user" --password-stdin "$registry" 2>"$folder/errors"
}

if command -v grep >/dev/null; then
  relevant() { grep -e 'Trying to access' -e 'Content-Type from manifest' -e IsRunningImageAllowed -e signature-1; }
else
  relevant() { cat; }
fi

# Looks at many tags in one process, where an `inspect` each would spend most of its time on starting. Under the
# policy above `sync` reads each manifest, looks for a signature by its digest, finds none, and copies nothing.
# Its log names the digests; looks.ts reads it.
look() {
  {
    printf '"%s":\n  tls-verify: %s\n  images:\n    "%s":\n' "$registry" "$tls" "$1"
    shift
    printf '    - "%s"\n' "$@"
  } >"$folder/looks.yaml"
  skopeo --debug --command-timeout "${limit}s" --registries.d "$folder/registries.d" --policy "$folder/policy.json" \
    sync --all --keep-going --src yaml --dest dir "$folder/looks.yaml" "$folder/looks" 2>&1 >/dev/null </dev/null |
    relevant
  rm -rf "$folder/looks"
  : >"$folder/errors"
}

# Points a tag at a throw-away manifest. Nobody has to sign for it.
#   $1 repository   $2 :TAG   $3 the config's SHA-256, hex   $4 config   $5 manifest
put() {
  mkdir -p "$folder/image" || return
  printf 'Directory Transport Version: 1.1\n' >"$folder/image/version"
  printf %s "$4" >"$folder/image/$3"
  printf %s "$5" >"$folder/image/manifest.json"
  run --insecure-policy copy --quiet --preserve-digests --dest-tls-verify="$tls" \
    "dir:$folder/image" "docker://$registry/$1$2"
  status=$?
  rm -rf "$folder/image"
  return $status
}

while read -r operation repository rest; do
  case $operation in
    login) log_in ;;
    list) run list-tags --tls-verify="$tls" "docker://$registry/$repository" ;;
    inspect) run inspect --raw --tls-verify="$tls" "docker://$registry/$repository$rest" ;;
    delete) run delete --tls-verify="$tls" "docker://$registry/$repository$rest" ;;
    # Unquoted: the tags, separated by blanks.
    look) look "$repository" $rest ;;
    # Unquoted: four words, JSON without blanks among them.
    put) put "$repository" $rest ;;
    quit) break ;;
    *) exit 72 ;;
  esac
  status=$?
  if [ "$status" = 0 ]; then
    printf '\n%s 0\n\n%s\n' "$token" "$token"
  else
    printf '\n%s %s\n' "$token" "$status"
    cat "$folder/errors"
    printf '\n%s\n' "$token"
  fi
done
rm -rf "$folder"
