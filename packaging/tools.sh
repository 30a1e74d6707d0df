#!/usr/bin/env bash
# Install what `make packages` builds with and `make test-packages` tries it with, where it is missing. Debian, as root.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo 'packages are built on Debian, by root: run this with sudo, or in a container of Debian' >&2
  exit 1
fi

missing=()
for wanted in debhelper dpkg-dev binutils python3-venv \
  lintian \
  debootstrap systemd-container \
  mmdebstrap buildah \
  podman runc \
  pipx; do
  [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$wanted" 2>/dev/null)" = installed ] || missing+=("$wanted")
done
[ "${#missing[@]}" != 0 ] || exit 0
echo "apt-get installs ${missing[*]} (a few minutes)"
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends "${missing[@]}"
