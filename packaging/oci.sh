#!/usr/bin/env bash
# oci.sh DEB VERSION ARCHIVE WORK: make an OCI archive of a minimal Debian with the package, and WORK/packages, the list of what
# is in it. Needs no engine and no daemon: mmdebstrap makes the files, buildah what describes them. Runs as root.
set -euo pipefail
deb=$1 version=$2 archive=$3 work=$4
name=$(basename "$deb")
# shellcheck source=/dev/null
. /etc/os-release
storage=(--root "$work/storage" --runroot "$work/run" --storage-driver vfs)
export BUILDAH_ISOLATION=chroot XDG_RUNTIME_DIR=$work

# apt inside reaches the archive as this machine does; neither that nor its lists stay. The account has the same number
# in every image, since a volume knows numbers only.
mmdebstrap --quiet --variant=minbase --format=tar \
  --aptopt="$(apt-config dump | sed -nE '/^Acquire::(Check-|https?::Proxy|Retries)/p')" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook='mkdir -p "$1/etc/sysusers.d"
    echo "u syncer 10001 \"syncer\" /var/lib/syncer /usr/sbin/nologin" >"$1/etc/sysusers.d/syncer.conf"' \
  --include="systemd-standalone-sysusers,ca-certificates,python3" \
  --customize-hook="cp '$deb' \"\$1/tmp/\"" \
  --customize-hook='chroot "$1" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "/tmp/'"$name"'" >/dev/null 2>&1' \
  --customize-hook='rm "$1/tmp/'"$name"'"' \
  --customize-hook='chroot "$1" dpkg-query --show --showformat "\${Package}\t\${Version}\t\${Architecture}\n" >'"'$work/packages'" \
  "$VERSION_CODENAME" "$work/root.tar"

container=$(buildah "${storage[@]}" from scratch)
buildah "${storage[@]}" add --quiet "$container" "$work/root.tar" / >/dev/null
# a number, so that an orchestrator sees that it is not root's
buildah "${storage[@]}" config --user 10001:10001 --workingdir /var/lib/syncer --volume /var/lib/syncer \
  --entrypoint '["/usr/bin/syncer"]' --cmd run --stop-signal SIGTERM \
  --env PATH=/usr/local/bin:/usr/bin:/bin --env LANG=C.UTF-8 --env SYNCER_SETTINGS=/etc/syncer/settings.toml \
  --label org.opencontainers.image.title=syncer --label "org.opencontainers.image.version=$version" \
  --label org.opencontainers.image.licenses=MIT "$container"
buildah "${storage[@]}" commit --quiet --disable-compression=false --timestamp "${SOURCE_DATE_EPOCH:-0}" "$container" "oci-archive:$archive" >/dev/null
buildah "${storage[@]}" rm "$container" >/dev/null
