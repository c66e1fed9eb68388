#!/usr/bin/env bash
# Proves the image without a Docker engine, as root on Debian 12:
#   1. builds the static program (./dev package; PROGRAM=path takes one that is there already),
#   2. has buildah run the last stage of the Dockerfile over it, word for word,
#   3. runs the program inside, without network, libraries, shell, root or a writable file, and checks
#      that it answers, resolves names, trusts the CA bundle and ends cleanly (prove_run.py),
#   4. prints the compressed size of the image.
#
#   docker/prove.sh            seconds, once the program is built
#   docker/prove.sh --full     also runs the build stage, in a Debian 12 made by debootstrap
set -euo pipefail

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
cd "$root"
limit_bytes=$((6 * 1024 * 1024))
image=localhost/understudy:prove

say() { printf '%s\n' "prove: $*"; }
die() { say "FAILED: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "needs root, to mount the image and to become its user"
for tool in buildah python3 openssl unshare ip; do
  command -v $tool >/dev/null || die "needs $tool (Debian: buildah python3 openssl util-linux iproute2)"
done

work=$(mktemp -d)
container=
# Everything buildah keeps is below $work: nothing of the user's own images is touched.
build() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
clean() {
  if [ -n "$container" ]; then build rm "$container" >/dev/null || true; fi
  rm -rf "$work"
}
trap clean EXIT

# What the build stage lays out in /out, made by its own instruction.
lay_out() {
  local program=${PROGRAM:-} instruction
  if [ -z "$program" ]; then
    ./dev package
    program=build/package/understudy
  fi
  instruction=$(sed -n '/^RUN install -D -s/,/[^\\]$/p' docker/Dockerfile)
  [ -n "$instruction" ] || die "docker/Dockerfile has no instruction that fills /out"
  instruction=${instruction#RUN }
  instruction=${instruction//\/out/$work\/out}
  bash -euc "${instruction//build\/package\/understudy/$program}"
}

assemble() {
  sed -n '/^FROM scratch/,$p' docker/Dockerfile >"$work/Dockerfile"
  build build --quiet --isolation chroot --format docker \
    --build-arg REVISION="$(git rev-parse --short=12 HEAD)" \
    --build-context build="$work" -t $image -f "$work/Dockerfile" "$work" >/dev/null
}

# The build context as `docker build` would see it: the working tree without what is ignored.
copy_tree() {
  mkdir "$1"
  cp -r .git "$1/"
  git ls-files -z --cached --others --exclude-standard --deduplicate |
    tar --create --null --ignore-failed-read --files-from=- 2>/dev/null | tar --extract -C "$1"
}

# Both stages, over a Debian that debootstrap made; it gets the name that FROM asks for.
assemble_in_full() {
  command -v debootstrap >/dev/null || die "needs debootstrap"
  say "making a Debian 12 root"
  debootstrap --variant=minbase bookworm "$work/debian" >"$work/debootstrap.log"
  container=$(build from scratch)
  build copy --quiet "$container" "$work/debian" / >/dev/null
  build commit --quiet "$container" docker.io/library/debian:12 >/dev/null
  build rm "$container" >/dev/null
  rm -rf "$work/debian"
  container=
  copy_tree "$work/source"
  say "running the whole Dockerfile"
  build build --isolation chroot --network host --format docker --pull-never \
    -t $image -f "$work/source/docker/Dockerfile" "$work/source"
}

compressed_bytes() {
  build push --quiet --format oci $image "oci:$work/oci:prove"
  python3 - "$work/oci" <<'PY'
import json, pathlib, sys
oci = pathlib.Path(sys.argv[1])
def blob(digest):
    return json.loads((oci / "blobs" / digest.replace(":", "/")).read_text())
manifest = blob(json.loads((oci / "index.json").read_text())["manifests"][0]["digest"])
print(sum(part["size"] for part in [manifest["config"], *manifest["layers"]]))
PY
}

if [ "${1:-}" = --full ]; then
  assemble_in_full
else
  lay_out
  assemble
fi

size=$(compressed_bytes)
say "the image is $(awk "BEGIN {printf \"%.2f\", $size / 1048576}") MiB compressed"
[ "$size" -le $limit_bytes ] || die "that is more than 6 MiB"

container=$(build from --pull-never $image)
mounted=$(build mount "$container")
build inspect --type image $image >"$work/image.json"
unshare --mount --net --pid --fork --mount-proc \
  python3 docker/prove_run.py "$mounted" "$work/image.json"
say "passed"
