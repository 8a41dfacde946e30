# Prints how many uploads are open in a Docker Distribution registry that keeps its content in files. For the shell and the
# find of busybox, which the official image has. Each upload is a folder in `_uploads` (distribution source,
# `registry/storage/paths.go`). Ends with 3 when there are no such files, with 4 when they cannot be looked through in time.
root=$REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY
for config in /etc/docker/registry/config.yml /etc/distribution/config.yml; do
  [ -n "$root" ] || root=$(sed -n 's/^ *rootdirectory: *["'\'']\{0,1\}\([^"'\'' ]*\).*/\1/p' "$config" 2>/dev/null)
done
repositories=$root/docker/registry/v2/repositories
[ -n "$root" ] && [ -d "$repositories" ] || exit 3
# By far the most folders are those of manifests and layers: not looked into.
open=$(timeout 20 find "$repositories" -type d \( -name _manifests -o -name _layers \) -prune \
  -o -type d -path '*/_uploads/*' -prune -print) || exit 4
[ -z "$open" ] && echo 0 || echo "$open" | wc -l
