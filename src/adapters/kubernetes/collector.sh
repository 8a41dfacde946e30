# What is asked of, and done to, a Docker Distribution registry from inside its own container. For the shell and the
# tools of busybox, which the official images have: sh, cat, find, grep, kill, readlink, sed, sleep, sort, stat, tr, df.
#   sh -c SCRIPT docker-registry-cleaner VERB [ARGUMENT]
# Ends with 3 where content is not in files, with 5 where no registry is found to serve, with 6 where it is not read-only,
# with 7 where the word to start did not come, with 8 where a collector cannot be ended.

# The arguments of a process, one on each line. Of one that is over there are none.
arguments() {
  tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline"
}

# Mostly the registry is process 1. Where something else is, as with an init, it is the one that serves.
serving=
serves() {
  arguments "$1" | grep -qx serve
}
find_serving() {
  if serves 1; then serving=1 && return; fi
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    serves "$process" || continue
    [ -z "$serving" ] || { echo 'more than one process serves' >&2 && exit 5; }
    serving=$process
  done
  [ -n "$serving" ] || { echo 'no process serves' >&2 && exit 5; }
}

# Its program and its configuration file, as it was started itself.
find_program() {
  find_serving
  program=$(readlink "/proc/$serving/exe" 2>/dev/null) || program=$(arguments "$serving" | sed -n 1p)
  configuration=$(arguments "$serving" | sed -n '/^serve$/{n;p;q;}')
  case $configuration in '' | -*) configuration=$REGISTRY_CONFIGURATION_PATH ;; esac
  for usual in /etc/distribution/config.yml /etc/docker/registry/config.yml; do
    [ -n "$configuration" ] || [ ! -r "$usual" ] || configuration=$usual
  done
  case $configuration in
    /*) ;;
    *) configuration=$(readlink "/proc/$serving/cwd")/$configuration ;;
  esac
  [ -r "$configuration" ] || { echo "there is no configuration file $configuration" >&2 && exit 5; }
}

# Where its content is, as far as that is in files.
root=
find_root() {
  find_program
  case $REGISTRY_STORAGE in '' | filesystem) ;; *) return ;; esac
  if [ -z "$REGISTRY_STORAGE" ] && [ -z "$REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY" ]; then
    grep -Eq '^([^#]*[ {,"'\''])?filesystem["'\'']? *:' "$configuration" || return 0
  fi
  root=$REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY
  [ -n "$root" ] ||
    root=$(sed -n 's/.*rootdirectory["'\'']\{0,1\} *: *["'\'']\{0,1\}\([^"'\'' ,}]*\).*/\1/p' "$configuration" | sed -n 1p)
  root=${root:-/var/lib/registry}
  [ -d "$root/docker/registry/v2" ] || root=
}
in_files() {
  find_root
  [ -n "$root" ] || exit 3
  repositories=$root/docker/registry/v2/repositories
}

# The ID of every process that is a collector, or is about to become one: this very script, with that verb.
collectors() {
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    if [ "$process" != $$ ] && arguments "$process" | grep -qx garbage-collect; then echo "$process"; fi
  done
}

read_only_variables() {
  tr '\0' '\n' <"/proc/$serving/environ" | grep '^REGISTRY_STORAGE_MAINTENANCE_READONLY'
}

case $1 in
  inspect)
    find_root
    echo "program=$program"
    echo "configuration=$configuration"
    [ -z "$root" ] || echo "root=$root"
    # `layerinfo` is what it was called before version 2.1.
    cache=$REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR
    [ -n "$cache" ] ||
      cache=$(sed -nE 's/^[^#]*(blobdescriptor|layerinfo)["'\'']? *: *["'\'']?([a-z]*).*/\2/p' "$configuration" | sed -n 1p)
    echo "cache=$cache"
    read_only_variables | sed 's/^/variable=/'
    ;;
  uploads)
    in_files
    [ -d "$repositories" ] || exit 0
    find "$repositories" -type d \( -name _manifests -o -name _layers \) -prune \
      -o -type f -path '*/_uploads/*' -mmin "-$2" -print |
      sed "s|^$repositories/\(.*/_uploads/[^/]*\)/.*|open=\1|" | sort -u
    find "$repositories" -type d \( -name _manifests -o -name _uploads \) -prune \
      -o -type f -path '*/_layers/sha256/*' -name link -mmin "-$2" -print |
      sed 's|.*/sha256/\([0-9a-f]*\)/link$|blob=\1|' | sort -u
    ;;
  blobs)
    in_files
    [ -d "$root/docker/registry/v2/blobs/sha256" ] || exit 0
    find "$root/docker/registry/v2/blobs/sha256" -type f -name data -exec stat -c '%s %n' {} + |
      sed 's|^\([0-9]*\) .*/\([0-9a-f]*\)/data$|\1 \2|'
    ;;
  used)
    in_files
    df -P -k "$root" | sed -n '2s/^.* \([0-9]\{1,\}\)  *[0-9-]\{1,\}  *[0-9]\{1,\}% .*/\1/p'
    ;;
  garbage-collect)
    find_program
    if [ "$2" != --dry-run ]; then
      [ "$(read_only_variables)" = 'REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled":true}' ] || exit 6
    fi
    # Nobody knows whether this process was started before its client has heard of it: it waits for the word. A client
    # that has died gives none; whoever makes the registry writable again finds this process, and ends it.
    echo docker-registry-cleaner: ready
    read -r word && [ "$word" = go ] || exit 7
    # As the entrypoint of the official image: there is nobody to send traces to.
    export OTEL_TRACES_EXPORTER="${OTEL_TRACES_EXPORTER-none}"
    # shellcheck disable=SC2086 # nothing where it is no dry run
    exec "$program" garbage-collect $2 "$configuration"
    ;;
  count)
    collectors | grep -c . || true
    ;;
  end)
    for signal in TERM KILL; do
      for patience in 1 2 3 4 5 6 7 8 9 10; do
        living=$(collectors)
        [ -n "$living" ] || exit 0
        # shellcheck disable=SC2086 # one number after the other
        [ "$patience" != 1 ] || kill "-$signal" $living 2>/dev/null
        sleep 1
      done
    done
    [ -z "$(collectors)" ] || exit 8
    ;;
esac
